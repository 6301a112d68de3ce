from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from zenml.data.snapshot import Snapshot
from zenml.data.tfrecord import encode_batch
from zenml.datasources import (
    CSVDatasource,
    ImageFolderDatasource,
    JSONLinesDatasource,
    ParquetDatasource,
    SQLDatasource,
    TFRecordDatasource,
)
from zenml.datasources.base import Datasource
from zenml.pipelines import DataPipeline

TABLE = pa.table({"n": [1, 2, 3], "word": ["a", "b", None]})


def write_csv(path: Path) -> Datasource:
    path.with_suffix(".csv").write_text("n,word\n1,a\n2,b\n3,\n")
    return CSVDatasource(name="t", path="t.csv")


def write_parquet(path: Path) -> Datasource:
    pq.write_table(TABLE, path.with_suffix(".parquet"))
    return ParquetDatasource(name="t", path="t.parquet")


def write_json_lines(path: Path) -> Datasource:
    path.with_suffix(".jsonl").write_text("\n".join(map(json.dumps, TABLE.to_pylist())))
    return JSONLinesDatasource(name="t", path="t.jsonl")


def write_tfrecord(path: Path) -> Datasource:
    (batch,) = TABLE.to_batches()
    path.with_suffix(".tfrecord").write_bytes(encode_batch(batch).data)
    return TFRecordDatasource(name="t", path="t.tfrecord")


def write_database(path: Path) -> Datasource:
    with closing(sqlite3.connect(path.with_suffix(".db"), isolation_level=None)) as base:
        base.execute("CREATE TABLE t (n, word)")
        base.executemany("INSERT INTO t VALUES (:n, :word)", TABLE.to_pylist())
    return SQLDatasource(name="t", url="sqlite:///t.db", query="SELECT * FROM t", key=["n"])


def write_images(path: Path) -> Datasource:
    for label in "ab":
        (path / label).mkdir(parents=True)
        (path / label / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n" + label.encode())
    return ImageFolderDatasource(name="t", path="t")


@pytest.mark.parametrize(
    "write", [write_csv, write_parquet, write_json_lines, write_tfrecord, write_database, write_images]
)
def test_a_datasource_runs_from_python_and_from_yaml_and_is_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Any
) -> None:
    (tmp_path / ".zenml").mkdir()
    monkeypatch.chdir(tmp_path)
    pipeline = DataPipeline(name="data")
    pipeline.add_datasource(write(tmp_path / "t"))
    first = pipeline.run()
    text = pipeline.to_yaml(tmp_path / "data.yaml")
    assert str(tmp_path) not in text
    again = DataPipeline.from_yaml(tmp_path / "data.yaml")
    second = again.run()
    ((before,), (after,)) = (run.steps.values() for run in (first, second))
    assert (str(before.state), str(after.state)) == ("COMPLETE", "CACHED")
    assert before.outputs["examples"].digest == after.outputs["examples"].digest
    rows = json.loads((after.outputs["examples"].path / "all/statistics.json").read_text())["rows"]
    assert rows == (2 if write is write_images else 3)


def test_bad_rows_are_published_beside_the_rows_and_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".zenml").mkdir()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text("n,word\n" + "1,a\n" * 60 + "x,b\n")
    found = []
    for action in ("quarantine", "quarantine", "skip"):
        pipeline = DataPipeline(name="data")
        pipeline.add_datasource(CSVDatasource(name="t", path="t.csv", on_bad_rows=action))
        pipeline.to_yaml(tmp_path / "data.yaml")
        run = DataPipeline.from_yaml(tmp_path / "data.yaml").run()
        output = run.steps["data"].outputs["examples"]
        found.append((str(run.steps["data"].state), run.store.open(output.uri)))
    assert [state for state, _ in found] == ["COMPLETE", "CACHED", "COMPLETE"]
    (_, kept), (_, again), (_, skipped) = found
    # What is downstream depends on the good rows alone.
    assert kept.digest == again.digest == skipped.digest
    snapshot = Snapshot.of(again)
    assert [row["text"] for batch in snapshot.quarantine() for row in batch.to_pylist()] == [b"x,b"]
    assert snapshot.rows("all") == Snapshot.of(skipped).rows("all") == 60
