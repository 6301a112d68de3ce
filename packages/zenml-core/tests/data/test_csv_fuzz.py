"""Files of any bytes, in any form, read in many ranges: nothing but what plain Arrow reads in one piece.

`ZENML_FUZZ_SECONDS=600 pytest -s …/test_csv_fuzz.py` goes on for ten minutes and says how many files it has tried.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.csv as arrow_csv
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from zenml.data.csv.commit import CSVReader
from zenml.data.csv.cut import ScanCSV, chunks, ranges
from zenml.data.csv.form import CSVForm
from zenml.data.schema import LogicalType
from zenml.data.shards import ShardJob, State, fold_order
from zenml.data.snapshot import Snapshot
from zenml.data.source_files import source_files
from zenml.data.tables.bad_rows import BadRowRule
from zenml.errors import DataError, Problem

SECONDS = float(os.environ.get("ZENML_FUZZ_SECONDS", "0"))
TYPES = {"a": LogicalType.BYTES, "b": LogicalType.BYTES}
KEEP = BadRowRule("quarantine", 1.0)


@dataclass(frozen=True)
class Table:
    """A file and how to read it."""

    body: bytes
    form: CSVForm
    target: int
    header: bool = True


forms = st.builds(
    CSVForm,
    delimiter=st.sampled_from([",", ";", "x"]),
    null_values=st.sampled_from([("",), ("", "NA"), ("NA",), ("é",), ()]),
    columns=st.none(),
    quote=st.sampled_from(['"', '"', '"', "'", ""]),
    escape=st.sampled_from(["", "", "\\"]),
    doubled=st.booleans(),
)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    form = draw(forms)
    special = [form.delimiter, form.quote, form.escape, "\n", "\n", "\r\n", "\r"]
    words = ["1", "NA", "é", " ", "ab", form.quote * 2, form.escape * 2]
    tokens = st.sampled_from([each.encode() for each in special + words if each] + [b"\xff", b"\0"])
    noise = draw(st.sampled_from([0, 0, 1, 5, 9]))
    if noise == 9:  # a few bytes, all of which mean something
        few = st.sampled_from([each.encode() for each in (*special[:3], *special[:3], "\n", "a") if each])
        body = b"".join(draw(st.lists(few, max_size=14)))
    elif noise < 5:  # rows of the form, with some bytes anywhere
        quoted = st.lists(tokens, max_size=4).map(b"".join).map(lambda text: _quoted(text, form))
        plain = st.sampled_from([b"1", b"NA", b"", b"ab", b"\xc3\xa9"])
        row = st.lists(quoted | plain, min_size=2, max_size=2 + noise).map(form.delimiter.encode().join)
        rows = draw(st.lists(row, max_size=25))
        for _ in range(noise):
            rows.insert(draw(st.integers(0, len(rows))), b"".join(draw(st.lists(tokens, max_size=3))))
        body = draw(st.sampled_from([b"\n", b"\r\n"])).join(rows)
    else:
        body = b"".join(draw(st.lists(tokens, max_size=60)))
    target = draw(st.integers(1, 5) | st.integers(1, 40))
    return Table(body, form, target, header=draw(st.booleans()))


def _quoted(text: bytes, form: CSVForm) -> bytes:
    quote, escape = form.quote.encode(), form.escape.encode()
    if escape:
        text = text.replace(escape, escape * 2)
    if quote:
        text = text.replace(quote, quote * 2 if form.doubled else escape + quote)
    return quote + text + quote


def in_process(job: ShardJob) -> list[State]:
    opened = ShardJob.from_json(job.to_json()).open()
    return fold_order(job, (opened.work(number) for number in range(len(job.shards))))


def read(table: Table, target: int, folder: Path) -> tuple[list[Any], list[Any]] | str:
    """Return good rows and the numbers and texts of bad ones, or what is wrong with the file."""
    path = folder / "t.csv"
    head = f"a{table.form.delimiter}b\n".encode()
    path.write_bytes(head + table.body if table.header else table.body)
    form = table.form if table.header else CSVForm(**{**vars(table.form), "columns": ("a", "b")})
    out = folder / f"out-{target}"
    reader = CSVReader(source_files(str(path)), form, TYPES, False, lambda _: None, target, KEEP)
    try:
        found = reader.read(out, folder / "scratch", in_process)
    except DataError as error:
        return str(error)
    snapshot = Snapshot(out, {"splits": found.splits, "bad_rows": found.bad_rows})
    good = [tuple(row.values()) for batch in snapshot.batches("all") for row in batch.to_pylist()]
    return good, [(row["row"], row["text"]) for batch in snapshot.quarantine() for row in batch.to_pylist()]


def arrow_reads(table: Table) -> tuple[list[Any], list[Any]]:
    """Return the good rows, and the numbers and texts of the bad ones, as Arrow reads the rows in one piece."""
    bad: list[tuple[int, bytes]] = []

    def on_bad(row: Any) -> str:
        bad.append((row.number, row.text.encode("latin-1")))
        return "skip"

    form = table.form
    # As Latin-1, because Arrow cannot tell a bad row that is no UTF-8.
    text = table.body.decode("latin-1").encode()
    if not text.strip(b"\r\n"):
        return [], []
    if text.endswith(form.delimiter.encode()):
        text += b"\n"  # without it, Arrow takes the last, empty cell for quoted if another one is
    reader = arrow_csv.open_csv(
        pa.BufferReader(text),
        read_options=arrow_csv.ReadOptions(column_names=["a", "b"], use_threads=False, block_size=1 << 20),
        parse_options=arrow_csv.ParseOptions(
            delimiter=form.delimiter,
            quote_char=form.quote or False,
            escape_char=form.escape or False,
            double_quote=form.doubled,
            newlines_in_values=True,
            invalid_row_handler=on_bad,
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types={"a": pa.binary(), "b": pa.binary()},
            null_values=[each.encode().decode("latin-1") for each in form.null_values],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    rows = [tuple(row.values()) for batch in reader for row in batch.to_pylist()]
    good = [tuple(cell and cell.decode().encode("latin-1") for cell in row) for row in rows]
    return good, bad


def check(table: Table, folder: Path) -> None:
    """Compare all of the reading, in ranges and in one piece, with Arrow's."""
    found = read(table, table.target, folder)
    assert found == read(table, 1 << 20, folder)
    if not isinstance(found, str):
        assert found == arrow_reads(table)


def check_cuts(table: Table, folder: Path) -> int:
    """Compare the borders of the ranges of a file with where its rows begin; return how many ranges there are."""
    path = folder / "t.csv"
    path.write_bytes(table.body)
    (file,) = source_files(str(path))
    scan = ScanCSV({"form": table.form.to_params()}, folder)
    starts, inside = row_starts(table.body, table.form)
    most = 0
    for target in (1, table.target):
        found = ranges(file, 0, [scan.work(chunk) for chunk in chunks(file, 0, target)], table.form)
        if isinstance(found, Problem):
            return 1
        assert [part.start for part in found[1:]] == [part.end for part in found[:-1]]
        assert all(part.start in starts for part in found)
        assert all(part.quoted or not any(part.start <= each < part.end for each in inside) for part in found)
        if table.body:
            assert (found[0].start, found[-1].end) == (0, len(table.body))
        most = max(most, len(found))
    return most


def row_starts(body: bytes, form: CSVForm) -> tuple[set[int], list[int]]:
    """Return the places after line feeds that end rows, with 0, and the places of the line feeds that are text."""
    quote, escape, special = form.quote.encode(), form.escape.encode(), form.delimiter.encode() + b"\r\n"
    starts, inside = {0}, []
    quoted, at_start = False, True
    place = 0
    while place < len(body):
        byte = body[place : place + 1]
        place += 1
        if byte == escape:
            inside += [place] if body[place : place + 1] == b"\n" else []
            place += 1
            at_start = False
        elif quoted:
            inside += [place - 1] if byte == b"\n" else []
            if byte == quote and form.doubled and body[place : place + 1] == quote:
                place += 1
            elif byte == quote:
                quoted = False
        elif byte == quote and at_start:
            quoted, at_start = True, False
        else:
            at_start = byte in special
            if byte == b"\n":
                starts.add(place)
    return starts, inside


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tables())
def test_any_file_in_any_form_reads_as_in_one_piece(table: Table) -> None:
    with TemporaryDirectory() as folder:
        check(table, Path(folder))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tables())
@example(Table(b'a\\"\n"', CSVForm(escape="\\"), 1))
@example(Table(b'\\\\"\n"', CSVForm(escape="\\"), 2))
@example(Table(b'"\\\\",\n"\n"', CSVForm(escape="\\"), 3))
@example(Table(b'"",",\n"', CSVForm(doubled=False), 1))
@example(Table(b'"a\nb",1\n', CSVForm(), 1))
def test_files_are_cut_where_rows_begin(table: Table) -> None:
    with TemporaryDirectory() as folder:
        check_cuts(table, Path(folder))


@pytest.mark.skipif(not SECONDS, reason="ZENML_FUZZ_SECONDS is not set")
def test_it_goes_on_as_long_as_it_is_asked_to(tmp_path: Path) -> None:
    until = time.monotonic() + SECONDS
    count = cut = whole = 0

    @settings(
        max_examples=1000, deadline=None, database=None, suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )  # fmt: skip
    @given(tables())
    def go_on(table: Table) -> None:
        nonlocal count, cut, whole
        if time.monotonic() > until:
            return
        count += 1
        cut += check_cuts(table, tmp_path) > 1
        if count % 20 == 0:
            whole += 1
            check(table, tmp_path)

    while time.monotonic() < until:
        go_on()
    print(f"{count} files, {cut} of them in several ranges, {whole} read to the end")
