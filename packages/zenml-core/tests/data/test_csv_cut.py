from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from zenml.data.csv.commit import CSVReader
from zenml.data.csv.form import CSVForm
from zenml.data.schema import LogicalType
from zenml.data.shards import ShardJob, State, fold_order
from zenml.data.snapshot import Snapshot
from zenml.data.source_files import source_files
from zenml.errors import DataError

Read = Callable[..., Any]


def in_process(job: ShardJob) -> list[State]:
    opened = ShardJob.from_json(job.to_json()).open()
    return fold_order(job, (opened.work(number) for number in range(len(job.shards))))


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Read:
    """Return a function that reads CSV bytes in ranges of about `target` bytes: rows, or the problems as text."""

    def reading(data: bytes, target: int, declared: dict[str, LogicalType], delimiter: str = ",") -> Any:
        folder = tmp_path_factory.mktemp("csv")
        path = folder / "t.csv"
        path.write_bytes(data)
        reader = CSVReader(source_files(str(path)), CSVForm(delimiter, ("",)), declared, False, lambda _: None, target)
        try:
            result = reader.read(folder / "out", folder, in_process)
        except DataError as error:
            return str(error).replace(str(path), "t.csv")
        snapshot = Snapshot(folder / "out", {"splits": result.splits})
        return [tuple(row.values()) for batch in snapshot.batches("all") for row in batch.to_pylist()]

    return reading


def shard_count(read: Read, data: bytes, target: int, folder: Path) -> int:
    path = folder / "t.csv"
    path.write_bytes(data)
    reader = CSVReader(source_files(str(path)), CSVForm(), {}, False, lambda _: None, target)
    return len(reader.read(folder / "out", folder, in_process).splits["all"]["shards"])


cell = st.text(st.sampled_from('ab,;"\n\r \té€'), max_size=6)
TEXT = {"a": LogicalType.STRING, "b": LogicalType.STRING}


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    rows=st.lists(st.tuples(cell, cell), min_size=1, max_size=30),
    target=st.integers(1, 64),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    end=st.sampled_from(["\n", "\r\n"]),
    delimiter=st.sampled_from(",;"),
)
def test_ranges_of_standard_files_give_the_written_rows(
    read: Read, rows: list[tuple[str, str]], target: int, quoting: Any, end: str, delimiter: str
) -> None:
    # Without quotes around everything, Python's writer takes a lone carriage return for a cell's text.
    end = end if quoting == csv.QUOTE_ALL else "\r\n"
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=end)
    writer.writerow(["a", "b"])
    writer.writerows(rows)
    quoted = quoting == csv.QUOTE_ALL
    expected = [tuple(value if value or quoted else None for value in row) for row in rows]
    assert read(text.getvalue().encode(), target, TEXT, delimiter) == expected


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(body=st.text(st.sampled_from('a1,"\n\r '), max_size=60), target=st.integers(1, 20))
@example(body='5" pipe,1\n6,2\n', target=4)
@example(body='"a\n",1\n"",2\n', target=1)
@example(body='a"\n,"\n"\n",\n', target=2)
@example(body="\r\n\r\n1,1\r\n", target=1)
def test_any_file_reads_the_same_in_ranges_and_in_one_piece(read: Read, body: str, target: int) -> None:
    data = f"a,b\n{body}".encode()
    assert read(data, target, TEXT) == read(data, 1 << 20, TEXT)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    cells=st.lists(
        st.tuples(st.sampled_from(["1", "2.5", "x", "", '"3"', '""', " ", "0x1"]), st.just("7")), min_size=1
    ),
    target=st.integers(1, 40),
    kind=st.sampled_from([LogicalType.INTEGER, LogicalType.FLOAT]),
)
def test_problems_do_not_depend_on_the_ranges(read: Read, cells: list[tuple[str, str]], target: int, kind: Any) -> None:
    data = "\n".join(["a,b", *(",".join(row) for row in cells)]).encode()
    assert read(data, target, {"a": kind}) == read(data, 1 << 20, {"a": kind})


def test_files_are_cut_where_the_target_says(read: Read, tmp_path: Path) -> None:
    plain = b"a,b\n" + b"1,2\n" * 1000
    assert shard_count(read, plain, 400, tmp_path) == 10
    quoted = b"a,b\n" + b'"x\ny",2\n' * 1000
    (tmp_path / "more").mkdir()
    assert shard_count(read, quoted, 800, tmp_path / "more") == 10


def test_stray_quotes_leave_a_file_in_one_piece(read: Read, tmp_path: Path) -> None:
    assert shard_count(read, b"a,b\n" + b'5" pipe,2\n' * 1000, 400, tmp_path) == 1


def test_appended_rows_leave_the_earlier_ranges_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    counts = []
    for rows in (1000, 1500):
        path.write_text("a\n" + "12345\n" * rows)
        reader = CSVReader(source_files(str(path)), CSVForm(), {}, False, lambda _: None, 700)
        counts.append(reader.read(tmp_path / f"out{rows}", tmp_path, in_process).splits["all"]["shards"])
    assert counts[1][: len(counts[0]) - 1] == counts[0][:-1]


def test_a_late_float_widens_the_column_in_every_shard(read: Read) -> None:
    data = b"a,b\n" + b"1,1\n" * 70_000 + b"2.5,1\n"
    rows = read(data, 50_000, {})
    assert rows[0] == (1.0, 1)
    assert isinstance(rows[0][0], float)
    assert rows[-1] == (2.5, 1)


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "1,2\n" * 1000)

    def run_and_change(job: ShardJob) -> list[State]:
        path.write_text("a,b\n" + "1,2\n" * 500)
        return in_process(job)

    reader = CSVReader(source_files(str(path)), CSVForm(), {}, False, lambda _: None, 1 << 20)
    with pytest.raises(DataError, match="the file changed while it was read"):
        reader.read(tmp_path / "out", tmp_path, run_and_change)


def test_a_file_that_vanishes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "1,2\n" * 1000)

    def run_and_remove(job: ShardJob) -> list[State]:
        path.unlink()
        return in_process(job)

    reader = CSVReader(source_files(str(path)), CSVForm(), {}, False, lambda _: None, 1 << 20)
    with pytest.raises(DataError, match="cannot be read: No such file"):
        reader.read(tmp_path / "out", tmp_path, run_and_remove)
