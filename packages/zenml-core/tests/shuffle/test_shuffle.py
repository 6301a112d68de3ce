"""The hash-partition shuffle, against sorting everything in plain Python."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zenml.backends.interfaces import ProcessingBackend
from zenml.data.shards import ShardJob, State, fold_order
from zenml.data.shuffle import PARTITION_BYTES, SortedPartition, partition_count, partition_rows
from zenml.runtime.processing_base import ProcessingBaseBackend
from zenml.testing.hostile import HostileProcessingBackend


def write(folder: Path, tables: Sequence[pa.Table], batch: int = 50) -> list[dict[str, Any]]:
    """Write tables as the shards of a split."""
    shards = []
    for number, table in enumerate(tables):
        file = folder / f"shard-{number}.arrow"
        with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table, max_chunksize=batch)
        shards.append({"file": str(file), "split": "all", "number": number})
    return shards


def runner(engine: ProcessingBackend) -> Any:
    def run_job(job: ShardJob) -> list[State]:
        return fold_order(job, engine.map(job))

    return run_job


HERE = runner(ProcessingBaseBackend(workers=1))


def by_time(batch: pa.RecordBatch) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    times = batch.column("t").fill_null(0).to_numpy()
    return times, batch.column("t").is_valid().to_numpy(zero_copy_only=False)


def read(files: list[str], partition: int, of: int, keys: list[str], scratch: Path, limit: int) -> list[dict[str, Any]]:
    columns = [*keys, "t", "n"]
    parts = [*SortedPartition(files, partition, of, columns, keys, by_time, scratch, limit).read()]
    for part in parts:
        assert len(part.codes) == len(part.times) == part.rows.num_rows
    return [row for part in parts for row in part.rows.to_pylist()]


key = {"i": st.integers(-3, 3), "s": st.sampled_from(["", "a", "ab", "ä", "b\0"]), "b": st.booleans()}


@settings(max_examples=25, deadline=None)
@given(data=st.data(), keys=st.lists(st.sampled_from([*key]), unique=True), of=st.integers(1, 5))
def test_every_key_is_whole_and_sorted_in_one_partition(
    data: st.DataObject, keys: list[str], of: int, tmp_path_factory: Any
) -> None:
    folder = tmp_path_factory.mktemp("shuffle")
    times = st.one_of(st.none(), st.integers(-5, 5))
    rows = data.draw(st.lists(st.tuples(key["i"], key["s"], key["b"], times), max_size=60))
    table = pa.table(
        {
            **{name: pa.array([row[place] for row in rows], kind) for place, (name, kind) in enumerate(TYPES.items())},
            "n": pa.array(range(len(rows)), pa.int64()),
        }
    )
    cut = data.draw(st.integers(0, len(rows)))
    shards = write(folder, [table.slice(0, cut), table.slice(cut)], batch=data.draw(st.integers(1, 20)))
    of = of if keys else 1
    chunk, limit = data.draw(st.sampled_from([1, 500, 1 << 20])), data.draw(st.sampled_from([1, 300, 1 << 20]))
    columns = [*keys, "t", "n"]
    files = partition_rows(shards, keys, columns, of, folder / "out", HERE, chunk=chunk)
    parts = [read(files, partition, of, keys, folder / "sort", limit) for partition in range(of)]

    homes: dict[tuple[Any, ...], int] = {}
    for number, part in enumerate(parts):
        for row in part:
            assert homes.setdefault(tuple(row[name] for name in keys), number) == number
        assert part == sorted(part, key=lambda row: (*(code(row[name]) for name in keys), row["t"], row["n"]))
    kept = sorted((row for part in parts for row in part), key=lambda row: row["n"])
    assert kept == [row for row in table.select(columns).to_pylist() if row["t"] is not None]
    assert not [*(folder / "sort").glob("*")]


TYPES = {"i": pa.int64(), "s": pa.utf8(), "b": pa.bool_(), "t": pa.int64()}


def code(cell: Any) -> Any:
    return cell.encode() if isinstance(cell, str) else cell


def big(rows: int = 20_000) -> pa.Table:
    chance = np.random.default_rng(5)
    return pa.table(
        {
            "s": [f"key-{n}" for n in chance.integers(0, 300, rows)],
            "t": chance.integers(0, 1000, rows),
            "n": np.arange(rows),
        }
    )


@pytest.mark.parametrize("engine", [HostileProcessingBackend(seed=3), ProcessingBaseBackend(workers=2)])
def test_the_files_of_a_shuffle_do_not_depend_on_the_engine(
    engine: ProcessingBackend, tmp_path: Path, files_of: Any
) -> None:
    shards = write(tmp_path, [big(), big(5000), big(100)], batch=1000)
    names = {}
    for name, run_job in {"here": HERE, "there": runner(engine)}.items():
        out = tmp_path / name
        names[name] = partition_rows(shards, ["s"], ["s", "t", "n"], 7, out, run_job, chunk=100_000)
    assert [Path(file).name for file in names["here"]] == [Path(file).name for file in names["there"]]
    assert files_of(tmp_path / "here") == files_of(tmp_path / "there")


def test_a_partition_that_is_sorted_on_disk_is_the_same(tmp_path: Path) -> None:
    shards = write(tmp_path, [big(), big(5000)], batch=1000)
    files = partition_rows(shards, ["s"], ["s", "t", "n"], 1, tmp_path / "out", HERE)
    assert files == [shard["file"] for shard in shards]
    whole = read(files, 0, 1, ["s"], tmp_path / "sort", 1 << 30)
    assert read(files, 0, 1, ["s"], tmp_path / "sort", 20_000) == whole
    assert len(whole) == 25_000


def test_one_more_byte_than_a_partition_holds_makes_two() -> None:
    assert [partition_count(size) for size in (0, 1, PARTITION_BYTES, PARTITION_BYTES + 1, 1 << 60)] == [
        1,
        1,
        1,
        2,
        1024,
    ]


def test_an_empty_partition_has_no_rows(tmp_path: Path) -> None:
    shards = write(tmp_path, [big(1)])
    files = partition_rows(shards, ["s"], ["s", "t", "n"], 50, tmp_path / "out", HERE)
    counts = [len(read(files, partition, 50, ["s"], tmp_path / "sort", 1000)) for partition in range(50)]
    assert sorted(counts) == [0] * 49 + [1]
