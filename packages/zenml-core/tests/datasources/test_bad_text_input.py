"""The same bad input, as CSV and as JSON lines: each is told with its place, or left out with its row."""

from __future__ import annotations

import errno
import gzip
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zenml.artifacts.handles import NewArtifact
from zenml.artifacts.types import Examples
from zenml.data.shards import ShardJob, State
from zenml.data.snapshot import Snapshot
from zenml.datasources.csv import CSVDatasource
from zenml.datasources.json_lines import JSONLinesDatasource
from zenml.datasources.text_files import TextDatasource
from zenml.errors import DataError
from zenml.steps.base import StepContext
from zenml.testing.faults import failing_writes

BIG = str(1 << 63)


class Kind:
    """A kind of text source, whose tables have a column `n` and a column `word`."""

    def __init__(
        self, ending: str, source: type[TextDatasource], row: Callable[[str, str], bytes], head: bytes
    ) -> None:
        self.ending = ending
        self.source = source
        self.row = row
        self.head = head

    def table(self, *rows: tuple[str, str], before: int = 0) -> bytes:
        return self.head + self.row("1", "x") * before + b"".join(self.row(*row) for row in rows)


def csv_row(n: str, word: str) -> bytes:
    return f'{n},"{word}"\n'.encode("utf-8", "surrogateescape")


def json_row(n: str, word: str) -> bytes:
    return f'{{"n": {n}, "word": "{word}"}}\n'.encode("utf-8", "surrogateescape")


KINDS = [Kind("csv", CSVDatasource, csv_row, b"n,word\n"), Kind("jsonl", JSONLinesDatasource, json_row, b"")]


@pytest.fixture(params=KINDS, ids=[kind.ending for kind in KINDS])
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


@pytest.fixture
def read(tmp_path: Path, run_step: Any, kind: Kind) -> Any:
    """Return a function that writes a file, reads it with the datasource, and gives the snapshot."""

    def reading(data: bytes, suffix: str = "", **config: Any) -> Snapshot:
        path = tmp_path / f"t.{kind.ending}{suffix}"
        path.write_bytes(data)
        return Snapshot.of(run_step(kind.source(name="t", path=str(path), tfrecord=False, **config)))

    return reading


def values(snapshot: Snapshot, column: str) -> list[Any]:
    return [each for batch in snapshot.batches("all") for each in batch.column(column).to_pylist()]


def quarantine(snapshot: Snapshot) -> list[tuple[int, str | None, bytes]]:
    return [(row["row"], row["column"], row["text"]) for batch in snapshot.quarantine() for row in batch.to_pylist()]


def test_a_column_that_changes_type_in_row_900_000_is_told_there(read: Any, kind: Kind) -> None:
    late = "oops" if kind.ending == "csv" else '"oops"'
    data = kind.table(before=899_999) + kind.row(late, "y") + kind.row("2", "z")
    with pytest.raises(DataError, match=rf"t.{kind.ending}, row 900000, column n: .*oops.* is .*not an integer"):
        read(data)


def test_cut_off_gzip_is_an_error_whatever_becomes_of_bad_rows(read: Any, kind: Kind) -> None:
    packed = gzip.compress(kind.table(*[(str(n), f"w{n * 7919 % 1000}") for n in range(1000)]))
    for config in ({}, {"on_bad_rows": "skip", "max_bad_share": 1}):
        with pytest.raises(DataError, match=rf"t.{kind.ending}.gz: the gzip data is cut off. Make or download"):
            read(packed[: len(packed) // 2], suffix=".gz", **config)


def test_text_that_is_no_utf8_is_told_by_row(read: Any, kind: Kind) -> None:
    data = kind.table(("1", "café"), ("2", "caf\udce9"), ("3", "x"), before=100)
    with pytest.raises(DataError, match=rf"t.{kind.ending}, row 102.* not UTF-8 text"):
        read(data)
    snapshot = read(data, on_bad_rows="quarantine")
    bad = b"2,caf\xe9" if kind.ending == "csv" else json_row("2", "caf\udce9").strip()
    assert [(row, text) for row, _, text in quarantine(snapshot)] == [(102, bad)]
    assert values(snapshot, "word")[100:] == ["café", "x"]


def test_null_bytes_are_told_by_row(read: Any, kind: Kind) -> None:
    data = kind.table(("1", "a\0b"), before=100)
    with pytest.raises(DataError, match=rf"t.{kind.ending}, row 101.*(null byte|control character)"):
        read(data)
    assert [row[0] for row in quarantine(read(data, on_bad_rows="quarantine"))] == [101]


def test_a_cell_of_ten_megabytes_is_read_and_can_be_quarantined(read: Any, kind: Kind) -> None:
    long = "y" * 10_000_000
    snapshot = read(kind.table(("2", long), (BIG, long), ("3", "z"), before=50), on_bad_rows="quarantine")
    assert [len(each) for each in values(snapshot, "word")[50:]] == [10_000_000, 1]
    ((row, column, text),) = quarantine(snapshot)
    assert (row, column) == (52, "n")
    assert len(text) > 10_000_000


def test_integers_beyond_64_bits_are_bad_rows_of_an_integer_column(read: Any, kind: Kind) -> None:
    data = kind.table((BIG, "x"), (f"-{BIG}", "x"), (f"-{BIG}1", "x"), before=100)
    with pytest.raises(DataError, match=f"row 101, column n: '{BIG}' is beyond the range of 64-bit integers"):
        read(data)
    snapshot = read(data, on_bad_rows="quarantine")
    assert [row[:2] for row in quarantine(snapshot)] == [(101, "n"), (103, "n")]
    assert values(snapshot, "n")[-1] == -(1 << 63)


def test_infinities_are_numbers(read: Any, kind: Kind) -> None:
    infinite = "inf" if kind.ending == "csv" else "Infinity"
    snapshot = read(kind.table((infinite, "x"), (f"-{infinite}", "x"), ("NaN", "x"), ("2", "x")))
    assert values(snapshot, "n") == [math.inf, -math.inf, None, 2.0]
    late = read(kind.table((f"-{infinite}", "x"), before=70_000), on_bad_rows="quarantine")
    assert quarantine(late) == []
    assert values(late, "n")[-1] == -math.inf


def test_dates_that_do_not_exist_are_bad_rows(read: Any, kind: Kind) -> None:
    data = kind.table(*[("1", "2024-02-29")] * 60, ("1", "2023-02-29"), ("1", "2024-02-29T24:01"), ("1", "29.2.2024"))
    with pytest.raises(DataError, match="row 61, column word: '2023-02-29' is not a date or time that exists"):
        read(data, types={"word": "timestamp"})
    snapshot = read(data, types={"word": "timestamp"}, on_bad_rows="quarantine")
    assert [row[:2] for row in quarantine(snapshot)] == [(61, "word"), (62, "word"), (63, "word")]


def run(kind: Kind, path: Path, folder: Path, run_job: Any, **config: Any) -> None:
    """Run the datasource with its files in a folder."""
    new = NewArtifact(Examples, folder / "out")
    for place in (new.path, folder / "scratch"):
        place.mkdir(parents=True)
    report: Any = type("Silent", (), {"log": lambda *_: None, "warn": lambda *_: None})()
    source = kind.source(name="t", path=str(path), **config)
    source.run(StepContext({}, {"examples": new}, 1729, run_job, folder / "scratch", report))


def in_process(job: ShardJob) -> list[State]:
    opened = job.open()
    return [opened.op.work(shard) for shard in job.shards]


@pytest.mark.parametrize("change", ["append", "shrink", "remove"])
def test_a_file_that_changes_while_it_is_read_is_refused(kind: Kind, tmp_path: Path, change: str) -> None:
    path = tmp_path / f"t.{kind.ending}"
    path.write_bytes(kind.table(before=500))

    def change_and_work(job: ShardJob) -> list[State]:
        if change == "append":
            path.write_bytes(kind.table(before=501))
        elif change == "shrink":
            path.write_bytes(kind.table(before=3))
        else:
            path.unlink()
        return in_process(job)

    message = "cannot be read: No such file" if change == "remove" else "the file changed while it was read"
    for number, config in enumerate(({}, {"on_bad_rows": "skip", "max_bad_share": 1})):
        path.write_bytes(kind.table(before=500))
        with pytest.raises(DataError, match=message):
            run(kind, path, tmp_path / str(number), change_and_work, **config)


def test_a_disk_that_fills_at_any_write_ends_the_step_and_leaves_no_partial_file(kind: Kind, tmp_path: Path) -> None:
    path = tmp_path / f"t.{kind.ending}"
    path.write_bytes(kind.table((json.dumps("x"), "bad"), before=100))
    config = {"on_bad_rows": "quarantine", "types": {"n": "integer"}}
    with failing_writes(tmp_path / "0") as calls:
        run(kind, path, tmp_path / "0", in_process, **config)
    writes = [number for number, call in enumerate(calls, 1) if not call.startswith("mkdir")]
    assert any("quarantine" in call for call in calls)
    for number in writes:
        folder = tmp_path / str(number)
        with failing_writes(folder, at=number, error=errno.ENOSPC), pytest.raises(OSError, match="No space left"):
            run(kind, path, folder, in_process, **config)
        assert not list(folder.rglob("*.partial")), calls[number - 1]
