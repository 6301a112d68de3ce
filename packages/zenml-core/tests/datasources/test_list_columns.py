"""Columns of lists: from every source that has them, and on the way through splits, statistics and transforms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from zenml.data.anomalies import find_anomalies
from zenml.data.pinned_schema import ColumnRule, PinnedSchema
from zenml.data.snapshot import Snapshot
from zenml.data.statistics import ListFigures
from zenml.data.tfrecord import decode_file
from zenml.datasources.data_frame import DataFrameDatasource
from zenml.datasources.json_lines import JSONLinesDatasource
from zenml.datasources.parquet import ParquetDatasource
from zenml.datasources.tfrecord import TFRecordDatasource
from zenml.errors import ConfigError, DataError
from zenml.reports.statistics_page import statistics_page
from zenml.steps.evaluator.agnostic import AgnosticEvaluator
from zenml.steps.sequencer.standard import StandardSequencer
from zenml.steps.split.categorical_ratio_split import CategoricalRatioSplit
from zenml.steps.split.key_split import KeySplit
from zenml.steps.split.random_split import RandomSplit
from zenml.testing.hostile import HostileProcessingBackend

TABLE = pa.table(
    {
        "n": pa.array([1, 2, 3, 4]),
        "numbers": pa.array([[1, 2], [], None, [3]], pa.list_(pa.int16())),
        "vector": pa.array([[0.5, 1.0], [2.0, None], None, [3.0, 4.0]], pa.list_(pa.float32(), 2)),
        "tags": pa.array([["a", "b"], ["a"], [], None], pa.large_list(pa.large_string())),
        "blobs": pa.array([[b"\xff"], None, [b""], []], pa.list_(pa.binary())),
    }
)
ROWS = TABLE.to_pylist()
TYPES = {
    "n": "integer",
    "numbers": "list<integer>",
    "vector": "list<float>[2]",
    "tags": "list<string>",
    "blobs": "list<bytes>",
}


def rows(snapshot: Snapshot, split: str = "all") -> list[dict[str, Any]]:
    return [row for batch in snapshot.batches(split) for row in batch.to_pylist()]


def types(snapshot: Snapshot) -> dict[str, str]:
    return {feature.name: feature.type.value for feature in snapshot.schema}


@pytest.fixture
def stored(run_step: Any) -> Any:
    """The table as an artifact, read from memory."""
    return run_step(DataFrameDatasource(name="t", data=TABLE))


def test_a_table_in_memory_keeps_its_lists(stored: Any) -> None:
    snapshot = Snapshot.of(stored)
    assert types(snapshot) == TYPES
    assert rows(snapshot) == ROWS
    features = json.loads((snapshot.path / "schema.json").read_text())["features"]
    assert features[0] == {"name": "n", "type": "integer"}
    assert [row["shape"] for row in features[1:]] == [[None], [2], [None], [None]]
    copy = decode_file(snapshot.path / "tfrecord" / "all" / "shard-00000.tfrecord", snapshot.schema.to_arrow())
    assert copy.column("tags").to_pylist() == [row["tags"] for row in ROWS]
    assert "gaps in lists made not-a-number" in stored.properties["tfrecord_casts"]["vector"]


def test_how_a_table_is_chunked_does_not_change_its_identity() -> None:
    chunked = pa.concat_tables([TABLE.slice(0, 1), TABLE.slice(1)])
    other = TABLE.set_column(1, "numbers", pa.array([[1], [2], None, [3]], pa.list_(pa.int16())))
    names = [DataFrameDatasource(name="t", data=data).identity() for data in (TABLE, chunked, other)]
    assert names[0] == names[1] != names[2]


def test_arrays_of_two_dimensions_are_vectors(run_step: Any) -> None:
    values = np.arange(6, dtype=np.float32).reshape(3, 2)
    masked = np.ma.MaskedArray(values, mask=[[0, 1], [0, 0], [0, 0]])
    snapshot = Snapshot.of(run_step(DataFrameDatasource(name="t", data={"x": values, "y": masked})))
    assert types(snapshot) == {"x": "list<float>[2]", "y": "list<float>[2]"}
    assert rows(snapshot)[0] == {"x": [0.0, 1.0], "y": [0.0, None]}


def test_parquet_and_tfrecord_files_give_the_same_lists(tmp_path: Path, run_step: Any, stored: Any) -> None:
    pq.write_table(TABLE, tmp_path / "table.parquet", row_group_size=2)
    step = ParquetDatasource(name="t", path=str(tmp_path / "table.parquet"))
    wanted = ROWS
    if int(pa.__version__.partition(".")[0]) < 26:
        with pytest.raises(DataError, match="pyarrow reads from version 26 on"):
            run_step(step)
        table = TABLE.filter(pc.is_valid(TABLE["vector"]))
        wanted = table.to_pylist()
        pq.write_table(table, tmp_path / "table.parquet", row_group_size=2)
    snapshot = Snapshot.of(run_step(step))
    assert (types(snapshot), rows(snapshot)) == (TYPES, wanted)
    records = stored.path / "tfrecord" / "all" / "shard-00000.tfrecord"
    copy = Snapshot.of(run_step(TFRecordDatasource(name="t", path=str(records))))
    assert types(copy) == TYPES
    assert rows(copy) == [{name: row[name] for name in sorted(row)} for row in ROWS]


def test_json_lines_give_lists(tmp_path: Path, run_step: Any) -> None:
    path = tmp_path / "table.jsonl"
    lines = [
        {"n": [1, 2], "v": [1, 2.5], "t": ["a"], "o": []},
        {"n": [3], "v": [3, None], "t": None, "o": ["x"]},
        {"n": None, "v": [4, 5], "t": [], "o": []},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    snapshot = Snapshot.of(run_step(JSONLinesDatasource(name="t", path=str(path))))
    assert types(snapshot) == {"n": "list<integer>", "v": "list<float>[2]", "t": "list<string>", "o": "list<string>"}
    assert rows(snapshot) == lines
    declared = JSONLinesDatasource(name="t", path=str(path), types={"n": "list<float>", "t": "list<bytes>"})
    assert rows(Snapshot.of(run_step(declared)))[0] == {"n": [1.0, 2.0], "v": [1.0, 2.5], "t": [b"a"], "o": []}


def test_a_number_that_is_no_integer_widens_the_lists_of_its_column(tmp_path: Path, run_step: Any) -> None:
    path = tmp_path / "table.jsonl"
    path.write_text('{"n": [1]}\n' * 70_000 + '{"n": [1.5]}\n')
    snapshot = Snapshot.of(run_step(JSONLinesDatasource(name="t", path=str(path))))
    assert types(snapshot) == {"n": "list<float>[1]"}
    assert rows(snapshot)[-1] == {"n": [1.5]}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"n": [[1]]}, "column n: it holds values nested deeper than a list"),
        ({"n": [{"a": 1}]}, "column n: it holds values nested deeper than a list"),
        ({"n": [True]}, "column n: its lists are of truth values"),
    ],
)
def test_lists_of_anything_else_are_refused(tmp_path: Path, run_step: Any, line: Any, said: str) -> None:
    path = tmp_path / "table.jsonl"
    path.write_text(json.dumps(line) + "\n")
    with pytest.raises(DataError, match=said):
        run_step(JSONLinesDatasource(name="t", path=str(path)))


def test_lists_that_do_not_fit_are_told_by_row(tmp_path: Path, run_step: Any) -> None:
    pq.write_table(pa.table({"x": [[1], [1, None], [2, 3]]}), tmp_path / "table.parquet")
    step = ParquetDatasource(name="t", path=str(tmp_path / "table.parquet"))
    with pytest.raises(DataError, match=r"row 2, column x: '\[1, None\]' is not a list of integer values of"):
        run_step(step)
    floats = step.model_copy(update={"types": {"x": "list<float>"}})
    assert rows(Snapshot.of(run_step(floats)))[1] == {"x": [1.0, None]}
    fixed = step.model_copy(update={"types": {"x": "list<float>[2]"}})
    with pytest.raises(DataError, match=r"row 1, column x: '\[1\]' is not a list of 2 float values"):
        run_step(fixed)
    with pytest.raises(ConfigError, match="types"):
        ParquetDatasource(name="t", path="x", types={"x": "list<boolean>"})


def test_statistics_tell_lengths_and_all_values(stored: Any) -> None:
    snapshot = Snapshot.of(stored)
    table = snapshot.statistics("all")
    numbers, vector, tags = (table[name] for name in ("numbers", "vector", "tags"))
    assert (numbers.count, numbers.missing, numbers.values) == (3, 1, 3)
    assert numbers.lists == ListFigures(mean=1.0, min=0, max=2, values=3, missing=0)
    assert numbers.numbers is not None
    assert (numbers.numbers.mean, numbers.numbers.max) == (2.0, 3)
    assert vector.lists == ListFigures(mean=2.0, min=2, max=2, values=5, missing=1)
    assert tags.top == (("a", 2), ("b", 1))
    assert "lists" not in json.loads(table.to_json())["columns"][0]
    html = statistics_page("lists", {"first": table, "second": table}).html
    assert "list lengths" in html
    assert "list&lt;float&gt;[2]" in html


def test_splits_carry_lists_and_deal_by_none(run_step: Any, stored: Any) -> None:
    split = Snapshot.of(run_step(RandomSplit(split_map={"train": 0.5, "eval": 0.5}), {"examples": stored}))
    assert types(split) == TYPES
    found = [*rows(split, "train"), *rows(split, "eval")]
    assert sorted(found, key=lambda row: row["n"]) == ROWS
    ratio = CategoricalRatioSplit(
        categorical_column="tags", categories=["a", "b"], split_ratio={"train": 0.5, "eval": 0.5}
    )
    for step in (KeySplit(key_columns=["tags"], split_map={"train": 0.5, "eval": 0.5}), ratio):
        with pytest.raises(DataError, match=r"column 'tags' holds lists \(list<string>\), by which rows cannot be"):
            run_step(step, {"examples": stored})


def test_sequences_are_not_made_of_lists(run_step: Any, stored: Any) -> None:
    step = StandardSequencer(time_column="n", sequence_length=2)
    with pytest.raises(DataError, match=r"column 'numbers' holds lists \(list<integer>\), of which no window"):
        run_step(step, {"examples": stored})


def test_rows_are_not_sliced_by_lists(stored: Any) -> None:
    step = AgnosticEvaluator(slices=[["n", "tags"]], split="all")
    (problem,) = step._misfits(Snapshot.of(stored), [])
    assert problem.what == "column 'tags' holds lists, by which rows cannot be sliced"


def test_any_engine_gives_the_same_bytes(tmp_path: Path, run_step: Any, files_of: Any) -> None:
    draw = np.random.default_rng(4)
    counts = draw.integers(0, 5, 3000)
    offsets = pa.array(np.concatenate(([0], np.cumsum(counts))), pa.int32())
    numbers = pa.array(draw.standard_normal(int(counts.sum())))
    texts = pa.array(draw.choice(["a", "b", "c"], int(counts.sum())))
    table = pa.table({name: pa.ListArray.from_arrays(offsets, each) for name, each in (("x", numbers), ("t", texts))})
    pq.write_table(table, tmp_path / "table.parquet", row_group_size=500)
    step = ParquetDatasource(name="t", path=str(tmp_path / "table.parquet"))
    here = run_step(step)
    there = run_step(step, engine=HostileProcessingBackend(seed=7))
    assert files_of(here.path) == files_of(there.path)
    found = Snapshot.of(here).statistics("all")["x"]
    assert found.numbers is not None
    assert found.lists is not None
    assert found.numbers.mean == pytest.approx(numbers.to_numpy().mean(), rel=1e-12)
    assert found.numbers.quantiles["0.5"] == pytest.approx(np.median(numbers.to_numpy()), rel=1e-12)
    assert (found.lists.mean, found.lists.max) == (pytest.approx(counts.mean()), 4)


def test_a_changed_shape_is_an_anomaly(tmp_path: Path, stored: Any) -> None:
    table = Snapshot.of(stored).statistics("all")
    pinned = PinnedSchema.infer(table)
    assert find_anomalies(table, pinned, table) == []
    pinned.save(tmp_path / "pinned.yaml")
    text = (tmp_path / "pinned.yaml").read_text()
    assert "shape:" in text.split("vector:")[1].split("presence")[0]
    assert "shape:" not in text.split("numbers:")[0]
    assert PinnedSchema.load(tmp_path / "pinned.yaml") == pinned
    shapes = {"vector": [3], "numbers": None, "n": [None], "tags": [1]}
    rules = {name: pinned.columns[name].model_copy(update={"shape": shape}) for name, shape in shapes.items()}
    changed = PinnedSchema(columns={**pinned.columns, **rules})
    found = {anomaly.column: (anomaly.kind, anomaly.what) for anomaly in find_anomalies(table, changed)}
    assert found == {
        "vector": ("shape", "it was list<float>[3], and is list<float>[2]"),
        "numbers": ("shape", "it was integer, and is list<integer>"),
        "n": ("shape", "it was list<integer>, and is integer"),
        "tags": ("shape", "it was list<string>[1], and is list<string>"),
    }
    loose = pinned.columns["vector"].model_copy(update={"shape": [None]})
    assert find_anomalies(table, PinnedSchema(columns={**pinned.columns, "vector": loose})) == []
    with pytest.raises(ValueError, match="no type of lists"):
        ColumnRule.model_validate({"type": "boolean", "shape": [2]})
