from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zenml.data.schema import Schema
from zenml.data.shards import ShardJob, State
from zenml.data.snapshot import Snapshot
from zenml.data.tables.read import TableRead
from zenml.data.unordered import DealRows, Streams, deal, keep, keep_unordered, ranges
from zenml.data.unordered.keep import plan_shards
from zenml.errors import DataError

SCHEMA = pa.schema(
    [
        ("integer", pa.int64()),
        ("float", pa.float64()),
        ("truth", pa.bool_()),
        ("text", pa.utf8()),
        ("bytes", pa.binary()),
        ("time", pa.timestamp("us")),
        ("floats", pa.list_(pa.float64())),
        ("texts", pa.list_(pa.utf8())),
    ]
)
FEW = st.sampled_from(["", "a", "1:a", "é", "ab", "b"])
ROWS = st.fixed_dictionaries(
    {
        "integer": st.none() | st.integers(-2, 2) | st.just(-(2**63)),
        "float": st.none() | st.sampled_from([0.0, -0.0, 1.5, float("inf")]),
        "truth": st.none() | st.booleans(),
        "text": st.none() | FEW,
        "bytes": st.none() | FEW.map(str.encode),
        "time": st.none() | st.integers(0, 3),
        "floats": st.none() | st.lists(st.none() | st.sampled_from([0.0, -0.0, 1.5]), max_size=3),
        "texts": st.none() | st.lists(FEW, max_size=3),
    }
)
TABLES = st.lists(ROWS, min_size=1, max_size=40)


class FromMemory(DealRows):
    """Reads a stream from this process."""

    STREAMS: ClassVar[Sequence[Sequence[pa.RecordBatch]]] = ()

    def read(self, shard: Mapping[str, Any]) -> Iterator[pa.RecordBatch]:
        yield from self.STREAMS[shard["number"]]


def run_job(job: ShardJob) -> list[State]:
    """Run a job here, its last shard first; tests of one file cannot be imported by name."""
    out = Path(job.out)
    out.mkdir(parents=True, exist_ok=True)
    op = FromMemory(job.params, out) if job.op == "here" else job.open().op
    return [op.work(shard) for shard in reversed(job.shards)][::-1]


def kept(
    streams: Sequence[Sequence[pa.RecordBatch]], folder: Path, schema: pa.Schema = SCHEMA, limit: int | None = None
) -> tuple[TableRead, dict[str, str]]:
    """Return what was read, and the digests of all files."""
    with mock.patch.object(FromMemory, "STREAMS", streams):
        source = Streams("here", [{"number": place} for place in range(len(streams))], {}, "it", 0)
        out = folder / "out"
        read = keep_unordered(source, Schema.from_arrow(schema), True, out, folder, run_job, limit=limit)
    files = sorted(path for path in out.rglob("*") if path.is_file())
    return read, {path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def batch(rows: Sequence[Mapping[str, Any]], schema: pa.Schema = SCHEMA) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(list(rows), schema=schema)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    return (tmp_path_factory.mktemp("kept") for _ in iter(int, 1))


@settings(max_examples=20, deadline=None)
@given(rows=TABLES, data=st.data())
def test_the_files_are_the_same_whatever_streams_and_batches_the_rows_come_in(
    rows: list[dict[str, Any]], data: st.DataObject, folders: Iterator[Path]
) -> None:
    first = kept([[batch(rows)]], next(folders))
    shuffled = data.draw(st.permutations(rows))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=4)))
    streams = [shuffled[low:high] for low, high in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
    size = data.draw(st.integers(1, 8))
    batches = [[batch(stream[at : at + size]) for at in range(0, len(stream), size)] for stream in streams]
    with (
        mock.patch.object(deal, "RUN_BYTES", data.draw(st.sampled_from([1, 500, 1 << 25]))),
        mock.patch.object(ranges, "SORT_BYTES", data.draw(st.sampled_from([1, 500, 1 << 26]))),
    ):
        assert kept(batches, next(folders)) == first


@settings(max_examples=10, deadline=None)
@given(rows=TABLES, data=st.data())
def test_rows_whose_hashes_are_equal_stand_in_the_order_of_their_content(
    rows: list[dict[str, Any]], data: st.DataObject, folders: Iterator[Path]
) -> None:
    def one_hash(batch: pa.RecordBatch) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
        return np.full(batch.num_rows, 2**64 - 1, np.uint64)

    shuffled = data.draw(st.permutations(rows))
    with (
        mock.patch.object(deal, "content_hashes", one_hash),
        mock.patch.object(ranges, "SORT_BYTES", data.draw(st.sampled_from([1, 1 << 26]))),
    ):
        first = kept([[batch(rows)]], next(folders))
        assert kept([[batch(shuffled[:3])], [batch(shuffled[3:])]], next(folders)) == first


def test_no_row_is_lost_or_made(tmp_path: Path) -> None:
    schema = pa.schema([("number", pa.int64()), ("text", pa.utf8())])
    rows = [{"number": number % 700, "text": f"{number % 3}"} for number in range(2000)]
    with mock.patch.object(keep, "SHARD_ROWS", 300):
        read, _ = kept([[batch(rows[:50], schema)], [], [batch(rows[50:], schema)]], tmp_path, schema)
    snapshot = Snapshot(tmp_path / "out", {"splits": read.splits})
    found = [row for part in snapshot.batches("all") for row in part.to_pylist()]
    by_content = sorted(found, key=lambda row: (row["number"], row["text"]))
    assert by_content == sorted(rows, key=lambda row: (row["number"], row["text"]))
    assert read.splits["all"]["rows"] == 2000
    assert all(rows <= 300 for rows in read.splits["all"]["shards"])
    assert len(read.splits["all"]["shards"]) >= 7


def test_one_row_many_times_needs_no_memory(tmp_path: Path) -> None:
    schema = pa.schema([("text", pa.utf8())])
    rows = [{"text": "the same"}] * 9000
    with mock.patch.object(ranges, "SORT_BYTES", 100):
        read, files = kept([[batch(rows, schema)], [batch(rows[:10], schema)]], tmp_path / "a", schema)
    assert read.splits["all"]["rows"] == 9010
    assert kept([[batch(rows + rows[:10], schema)]], tmp_path / "b", schema) == (read, files)


def test_what_a_source_left_where_values_are_missing_is_not_kept(tmp_path: Path) -> None:
    schema = pa.schema([("number", pa.int64()), ("text", pa.utf8())])
    bitmap = pa.py_buffer(b"\x05")
    digests = []
    for junk in (b"abc", b"xyz"):
        numbers = pa.Array.from_buffers(pa.int64(), 3, [bitmap, pa.py_buffer(np.array([1, junk[0], 3]).tobytes())])
        ends = pa.py_buffer(np.array([0, 1, 2, 3], np.int32).tobytes())
        texts = pa.Array.from_buffers(pa.utf8(), 3, [bitmap, ends, pa.py_buffer(b"a" + junk[1:2] + b"c")])
        rows = pa.RecordBatch.from_arrays([numbers, texts], schema=schema)
        digests.append(kept([[rows]], tmp_path / junk.decode(), schema))
    assert digests[0] == digests[1]


def test_a_limit_keeps_the_same_rows_whatever_the_streams(tmp_path: Path) -> None:
    schema = pa.schema([("number", pa.int64())])
    rows = [{"number": number} for number in range(1000)]
    with mock.patch.object(keep, "SHARD_ROWS", 100):
        first = kept([[batch(rows, schema)]], tmp_path / "a", schema, limit=250)
        assert first[0].splits["all"]["rows"] == 250
        again = kept([[batch(rows[600:], schema)], [batch(rows[:600], schema)]], tmp_path / "b", schema, limit=250)
        assert again == first
        whole = kept([[batch(rows, schema)]], tmp_path / "c", schema, limit=5000)
        assert whole[0].splits["all"]["rows"] == 1000


def test_shards_end_where_the_rows_say() -> None:
    counts = np.array([3, 0, 4, 9, 0, 2], np.int64)
    with mock.patch.object(keep, "SHARD_ROWS", 7):
        assert [(row["low"], row["high"], row["rows"]) for row in plan_shards(counts)] == [
            (0, 3, 7),
            (3, 4, 9),
            (4, 6, 2),
        ]
        assert [(row["low"], row["rows"]) for row in plan_shards(counts, 8)] == [(0, 7), (3, 1)]
        assert [row["rows"] for row in plan_shards(counts, 7)] == [7]
    assert plan_shards(np.zeros(4, np.int64)) == []


@pytest.mark.parametrize("streams", [[], [[]], [[], []]])
def test_a_source_without_rows_is_refused(streams: list[list[pa.RecordBatch]], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="it: there is no row"):
        kept(streams, tmp_path)


def test_cells_that_do_not_fit_are_told_and_counted(tmp_path: Path) -> None:
    texts = [{"number": text} for text in ("12", "seven", "3", *(f"bad{number:02d}" for number in range(24)))]
    source = pa.schema([("number", pa.utf8())])
    schema = pa.schema([("number", pa.int64())])
    with pytest.raises(DataError) as error:
        kept([[batch(texts[:9], source)], [batch(texts[9:], source)]], tmp_path, schema)
    first, *_, last = error.value.problems
    assert str(first).startswith(
        "it, column number: 'bad00' is not a 64-bit integer. If the column holds something else"
    )
    assert str(last) == "these are the first 20 of at least 25 bad cells"
