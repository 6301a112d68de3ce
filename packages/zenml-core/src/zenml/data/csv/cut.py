"""Cutting CSV files into ranges at row borders, which quote parity tells from line breaks inside quoted cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from zenml.data.csv.escapes import LOOK_BACK, ends_escaping, hide_escaped
from zenml.data.csv.form import CSVForm
from zenml.data.shards import ShardOp, State
from zenml.data.source_files import SourceFile
from zenml.errors import Problem

TARGET = 1 << 24
"""Ranges are about so many bytes long, whatever the number of workers."""

_WINDOW = 1 << 20
_NEWLINE, _RETURN = b"\n\r"


@dataclass(frozen=True)
class Range:
    """A part of a file that starts and ends at row borders.

    Args:
        start: first byte.
        end: the byte after the last.
        quoted: whether it holds a quote or an escape, so that a line break may be part of a cell.
    """

    start: int
    end: int
    quoted: bool


def chunks(file: SourceFile, start: int, target: int) -> list[dict[str, Any]]:
    """Return the shards of the scan of one file: chunks that end at multiples of `target`."""
    ends = [*range((start // target + 1) * target, file.size, target), file.size]
    return [
        {"file": asdict(file), "start": low, "end": high, "first": low == start}
        for low, high in zip([start, *ends], ends, strict=False)
        if low < high
    ]


class ScanCSV(ShardOp):
    """Find the row borders of one chunk, for a start inside and outside of a quoted cell.

    Params: `form`. The state has `quotes`, the number of quotes, `breaks`, whether a line break may be part of a cell,
    and for either start (outside, inside) `border`, where the first row after the first line break starts (or None),
    and `stray`, whether a quote stands where the form allows none.
    """

    def work(self, shard: Mapping[str, Any]) -> State:
        """Scan one chunk."""
        file = SourceFile(**shard["file"])
        form = CSVForm.from_params(self.params["form"])
        start, end = shard["start"], shard["end"]
        # One byte more on either side shows the neighbours of quotes at the chunk's edges; line breaks stand for them
        # at the edges of the data.
        data = file.read(start - 1, end + 1)
        if shard["first"]:
            data = b"\n" + data[min(1, start) :]
        if end >= file.size:
            data += b"\n"
        escapes = bool(form.escape) and form.escape.encode() in data
        unsure = False
        if form.escape:
            before = b"" if shard["first"] else file.read(start - 1 - LOOK_BACK, start - 1)
            escaped = ends_escaping(before, form.escape)
            unsure = escaped is None
            data = hide_escaped(data, form.escape, first=bool(escaped))
        scan = _Scan(data, start - 1, form)
        for low in range(1, 1 + end - start, _WINDOW):
            scan.add(low, min(low + _WINDOW, 1 + end - start))
        return {
            "quotes": scan.quotes,
            "breaks": escapes or scan.quotes > 0,
            "border": scan.border,
            "stray": [unsure or stray for stray in scan.stray],
        }


class _Scan:
    """Scan of a chunk, window by window.

    Args:
        data: the bytes of the chunk and one more on either side; what is escaped in them is hidden.
        offset: where in the file `data` starts.
        form: of the file.
    """

    def __init__(self, data: bytes, offset: int, form: CSVForm) -> None:
        self.quotes = 0
        self.border: list[int | None] = [None, None]
        self.stray = [False, False]
        self._data = data
        self._offset = offset
        self._quote = form.quote.encode()
        self._lonely = np.ones(256, bool)
        self._lonely[[ord(form.delimiter), _NEWLINE, _RETURN]] = False
        if form.doubled and form.quote:
            self._lonely[ord(form.quote)] = False

    def add(self, low: int, high: int) -> None:
        """Scan the bytes from `low` to `high`."""
        if not self._quote or self._data.find(self._quote, low, high) < 0:
            side = self.quotes % 2
            place = self._data.find(b"\n", low, high) if self.border[side] is None else -1
            if place >= 0:
                self.border[side] = self._offset + place + 1
            return
        data = np.frombuffer(self._data, np.uint8)
        places = low + np.flatnonzero(data[low:high] == self._quote[0])
        # Every other quote opens a cell: these ones for a start outside of a quoted cell, those for one inside.
        turns = [places[self.quotes % 2 :: 2], places[1 - self.quotes % 2 :: 2]]
        before = [bool(self._lonely[data[some - 1]].any()) for some in turns]
        after = [bool(self._lonely[data[some + 1]].any()) for some in turns]
        for inside in (0, 1):
            self.stray[inside] |= before[inside] or after[1 - inside]
        if None in self.border:
            breaks = low + np.flatnonzero(data[low:high] == _NEWLINE)
            sides = (np.searchsorted(places, breaks) + self.quotes) % 2
            for inside in (0, 1):
                outside = breaks[sides == inside]
                if self.border[inside] is None and len(outside):
                    self.border[inside] = self._offset + int(outside[0]) + 1
        self.quotes += len(places)


def ranges(file: SourceFile, start: int, scans: Sequence[State], form: CSVForm) -> list[Range] | Problem:
    """Return the ranges of one file, from the states of its chunks in order.

    A file with stray quotes, where parity proves nothing, is one range.
    """
    if start >= file.size:
        return []
    borders, inside = [start], 0
    quoted: list[bool] = []
    stray = False
    for number, scan in enumerate(scans):
        border = scan["border"][inside]
        if number and border is not None and border < file.size:
            borders.append(border)
            quoted.append(False)
        elif not number:
            quoted.append(False)
        # A range ends inside the chunk after its own, so that chunk's quotes count for both.
        quoted[-1] |= scan["breaks"]
        if number and len(quoted) > 1:
            quoted[-2] |= scan["breaks"]
        stray |= scan["stray"][inside]
        inside = (inside + scan["quotes"]) % 2
    if stray:
        return [Range(start, file.size, quoted=True)]
    if inside:
        line = _last_quote_line(file, form)
        return Problem("a quoted cell is opened and never closed", f"{file.place}, line {line}", form.unclosed)
    return [Range(low, high, flag) for low, high, flag in zip(borders, [*borders[1:], file.size], quoted, strict=True)]


def _last_quote_line(file: SourceFile, form: CSVForm) -> int:
    lines = line = 1
    for piece in file.pieces():
        place = hide_escaped(piece, form.escape).rfind(form.quote.encode())
        if place >= 0:
            line = lines + piece.count(b"\n", 0, place)
        lines += piece.count(b"\n")
    return line
