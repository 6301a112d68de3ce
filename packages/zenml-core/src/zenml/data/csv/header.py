"""Header: the first row of a CSV file."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from zenml.data.csv.escapes import hide_escaped
from zenml.data.csv.form import CSVForm
from zenml.data.source_files import SourceFile
from zenml.errors import DataError, Problem

_LONGEST = 1 << 24
_BOM = b"\xef\xbb\xbf"
_FOREIGN = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"\x1f\x8b": "gzip", b"PK": "zip", b"BZ": "bzip2"}
_ENCODED = "CSV files are UTF-8 text, unless encoding= says what they are"
_MENDS = {
    "gzip": "Say so: compression='gzip'",
    "bzip2": "Say so: compression='bz2'",
    "UTF-16": "Say so: encoding='utf-16'",
    "zip": "Unpack it first",
}


@dataclass(frozen=True)
class Header:
    """Names of the columns of a file, and where its first data row starts."""

    names: tuple[str, ...]
    start: int


def read_headers(files: Sequence[SourceFile], form: CSVForm) -> list[Header]:
    """Return the headers of files that belong together.

    Raises:
        DataError: every file that is empty, is no UTF-8 text, or has a header with nameless or duplicate columns or
            other columns than the first file.
    """
    headers: list[Header] = []
    problems: list[Problem] = []
    for file in files:
        found = _read(file, form)
        if isinstance(found, Problem):
            problems.append(found)
            continue
        problems += _name_problems(file, found)
        headers.append(found)
        if found.names != headers[0].names:
            problems.append(_difference(file, found.names, files[0], headers[0].names))
    if problems:
        raise DataError(problems)
    return headers


def _read(file: SourceFile, form: CSVForm) -> Header | Problem:
    if not file.size:
        return Problem("the file is empty", file.place)
    data = b""
    for piece in file.pieces(0, _LONGEST):
        data += piece
        end = _row_end(data, form, final=len(data) == file.size)
        if end:
            break
    else:
        return Problem("the header row does not end", file.place, "Is this a CSV file?")
    bom = len(_BOM) if data.startswith(_BOM) else 0
    foreign = next((name for magic, name in _FOREIGN.items() if data.startswith(magic)), "not UTF-8 text")
    try:
        text = data[bom:end].decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        return Problem(f"this is {foreign}", file.place, _MENDS.get(foreign, _ENCODED))
    if form.columns is not None:
        return Header(form.columns, bom)
    if form.quote and hide_escaped(data[bom:end], form.escape).count(form.quote.encode()) % 2:
        return Problem("a quoted name is opened and never closed", f"{file.place}, line 1", form.unclosed)
    try:
        names = _split(text, form)
    except csv.Error as error:
        return Problem(f"the header cannot be read: {error}", file.place)
    return (
        Header(tuple(names), end) if names else Problem("the first line is blank", file.place, "It must be the header")
    )


def _split(text: str, form: CSVForm) -> list[str]:
    """Return the cells of one row.

    Raises:
        csv.Error: it cannot be split.
    """
    return next(
        csv.reader(
            io.StringIO(text, newline=""),
            delimiter=form.delimiter,
            quotechar=form.quote or None,
            escapechar=form.escape or None,
            doublequote=form.doubled,
            quoting=csv.QUOTE_MINIMAL if form.quote else csv.QUOTE_NONE,
        )
    )


def _row_end(data: bytes, form: CSVForm, final: bool) -> int:
    """Return where the row after the header row starts, or 0 where the header does not end in `data`."""
    quote = form.quote.encode()
    data = hide_escaped(data, form.escape)
    at = 0
    while True:
        ends = [place for place in (data.find(b"\n", at), data.find(b"\r", at)) if place >= 0]
        if not ends or (min(ends) == len(data) - 1 and not final):
            return len(data) if final else 0
        end = min(ends)
        if not quote or data.count(quote, 0, end) % 2 == 0:
            return end + (2 if data[end : end + 2] == b"\r\n" else 1)
        at = end + 1


def _name_problems(file: SourceFile, header: Header) -> list[Problem]:
    counts = Counter(header.names)
    problems = [
        Problem(f"the header names {name!r} {count} times", file.place, "Give each column a name of its own")
        for name, count in counts.items()
        if count > 1 and name
    ]
    nameless = [str(number) for number, name in enumerate(header.names, 1) if not name.strip()]
    if nameless:
        what = f"the header gives no name to column {', '.join(nameless)}"
        problems.append(Problem(what, file.place, "Give each column a name of its own"))
    return problems


def _difference(file: SourceFile, names: tuple[str, ...], first: SourceFile, expected: tuple[str, ...]) -> Problem:
    more = [name for name in names if name not in expected]
    less = [name for name in expected if name not in names]
    parts = ([f"has also {', '.join(more)}"] if more else []) + ([f"lacks {', '.join(less)}"] if less else [])
    what = f"its header differs from the one of {first.name}: it {' and '.join(parts) or 'has another order'}"
    return Problem(what, file.place, "Files that are read together need the same header")
