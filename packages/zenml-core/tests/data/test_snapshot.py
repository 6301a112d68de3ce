from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from zenml.data import splits
from zenml.data.schema import Schema
from zenml.data.snapshot import Snapshot
from zenml.data.splits import BATCH_ROWS, fold_split, shard_writer, write_schema
from zenml.errors import DataError


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    """Return a snapshot with two splits of two shards each."""
    schema = Schema.from_arrow(pa.schema({"n": pa.int64(), "word": pa.utf8()}))
    write_schema(tmp_path, schema)
    counts = {}
    first = 0
    for split in ("train", "eval"):
        states = []
        for number in range(2):
            rows = range(first, first + 3 + number)
            first += len(rows)
            with shard_writer(tmp_path, split, number, schema, sample=100, tfrecord=False) as writer:
                for row in rows:
                    writer.write(pa.record_batch({"n": pa.array([row]), "word": pa.array([f"w{row}"])}))
            states.append(writer.state)
        counts[split] = fold_split(tmp_path, split, schema, states)
    return Snapshot(tmp_path, {"splits": counts})


def test_rows_come_back_in_order_by_split(snapshot: Snapshot) -> None:
    assert snapshot.splits == ("eval", "train")
    assert snapshot.schema.names == ("n", "word")
    assert (snapshot.rows("train"), snapshot.rows("eval")) == (7, 7)
    assert [n for batch in snapshot.batches("train") for n in batch.column("n").to_pylist()] == [*range(7)]
    assert [batch.num_rows for batch in snapshot.batches("eval")] == [3, 4]
    assert [path.name for path in snapshot.shards("eval")] == ["shard-00000.arrow", "shard-00001.arrow"]


def test_batches_outlive_their_files(snapshot: Snapshot) -> None:
    batches = list(snapshot.batches("train"))
    assert sum(batch.column("n").to_numpy().sum() for batch in batches) == 21


def test_columns_come_in_the_order_asked_for(snapshot: Snapshot) -> None:
    batch = next(snapshot.batches("train", ["word", "n"]))
    assert batch.schema.names == ["word", "n"]
    assert batch.to_pylist()[0] == {"word": "w0", "n": 0}


def test_statistics_are_those_of_the_split(snapshot: Snapshot) -> None:
    numbers = snapshot.statistics("eval")["n"].numbers
    assert numbers is not None
    assert (numbers.min, numbers.max) == (7, 13)
    assert snapshot.statistics("eval").rows == 7


def test_shards_of_a_job_count_rows_over_the_whole_snapshot(snapshot: Snapshot) -> None:
    rows = snapshot.shard_rows()
    assert [(row["split"], row["number"], row["rows"], row["first_row"]) for row in rows] == [
        ("eval", 0, 3, 0),
        ("eval", 1, 4, 3),
        ("train", 0, 3, 7),
        ("train", 1, 4, 10),
    ]
    assert snapshot.shard_rows(["train"]) == rows[2:]
    assert all(Path(row["file"]).is_file() for row in rows)


def test_unknown_names_tell_the_closest(snapshot: Snapshot) -> None:
    with pytest.raises(DataError, match=r"there is no split 'trian'. Did you mean train\?"):
        snapshot.rows("trian")
    with pytest.raises(DataError, match=r"there is no split 'x'. Splits: eval, train"):
        snapshot.statistics("x")
    with pytest.raises(DataError, match="there is no split 'x'"):
        snapshot.shard_rows(["x"])
    with pytest.raises(DataError, match=r"there is no column 'words'. Did you mean word\?"):
        next(snapshot.batches("train", ["words"]))


def test_batches_end_by_row_count_whatever_came_in(tmp_path: Path) -> None:
    schema = Schema.from_arrow(pa.schema({"n": pa.int64()}))
    rows = 2 * BATCH_ROWS + 5
    whole = pa.record_batch({"n": pa.array(range(rows))})
    digests = set()
    for name, size in (("one", rows), ("many", 40_000)):
        with shard_writer(tmp_path / name, "all", 0, schema, sample=100, tfrecord=False) as writer:
            for start in range(0, rows, size):
                writer.write(whole.slice(start, size))
        snapshot = Snapshot(tmp_path / name, {"splits": {"all": {"shards": [rows], "rows": rows}}})
        assert [batch.num_rows for batch in snapshot.batches("all")] == [BATCH_ROWS, BATCH_ROWS, 5]
        digests.add(snapshot.shards("all")[0].read_bytes())
    assert len(digests) == 1


def test_long_rows_make_short_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splits, "BATCH_BYTES", 64 << 10)
    schema = Schema.from_arrow(pa.schema({"text": pa.utf8()}))
    with shard_writer(tmp_path, "all", 0, schema, sample=100, tfrecord=False) as writer:
        writer.write(pa.record_batch({"text": pa.array(["x" * (20 << 10)] * 5)}))
    snapshot = Snapshot(tmp_path, {"splits": {"all": {"shards": [5], "rows": 5}}})
    assert [batch.num_rows for batch in snapshot.batches("all")] == [4, 1]


def test_a_shard_that_fails_leaves_no_file(tmp_path: Path) -> None:
    schema = Schema.from_arrow(pa.schema({"n": pa.int64()}))

    def fail() -> None:
        with shard_writer(tmp_path, "all", 0, schema, sample=100, tfrecord=True) as writer:
            writer.write(pa.record_batch({"n": pa.array([1])}))
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
