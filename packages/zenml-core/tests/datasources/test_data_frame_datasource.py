from __future__ import annotations

import datetime as dt
import gc
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from zenml.data.snapshot import Snapshot
from zenml.datasources.base import Datasource
from zenml.datasources.data_frame import DataFrameDatasource, NumpyDatasource, PandasDatasource
from zenml.errors import ConfigError, DataError, SpecError
from zenml.pipelines import DataPipeline
from zenml.testing.hostile import HostileProcessingBackend


class ForeignFrame:
    """A data frame of another library, as far as Arrow sees it."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


def rows(snapshot: Snapshot) -> list[dict[str, Any]]:
    return [row for batch in snapshot.batches("all") for row in batch.to_pylist()]


TABLE = pa.table({"n": [1, None, 3], "x": [0.5, float("nan"), None], "word": ["a", "b", None]})
ROWS = [{"n": 1, "x": 0.5, "word": "a"}, {"n": None, "x": None, "word": "b"}, {"n": 3, "x": None, "word": None}]


@pytest.mark.parametrize("data", [TABLE, ForeignFrame(TABLE), TABLE.to_batches()[0], TABLE.to_pydict()])
def test_keeps_a_table_of_any_library(run_step: Any, data: object) -> None:
    datasource = DataFrameDatasource(name="t", data=data)
    stored = run_step(datasource)
    assert rows(Snapshot.of(stored)) == ROWS
    assert stored.properties["source_identity"] == datasource.identity()
    assert datasource.identity() == DataFrameDatasource(name="other", data=TABLE).identity()


def test_keeps_arrays_by_name(run_step: Any) -> None:
    named = np.array([(1, 0.5, b"ab"), (2, np.nan, b"c")], [("n", "i4"), ("x", "f4"), ("raw", "S2")])
    assert rows(Snapshot.of(run_step(NumpyDatasource(name="t", data=named)))) == [
        {"n": 1, "x": 0.5, "raw": b"ab"},
        {"n": 2, "x": None, "raw": b"c"},
    ]
    when = np.array(["2024-02-29"], "M8[D]")
    masked = np.ma.masked_array([7], mask=[True])
    stored = run_step(NumpyDatasource(name="t", data={"flag": np.array([True]), "when": when, "m": masked}))
    assert rows(Snapshot.of(stored)) == [{"flag": True, "when": dt.datetime.fromisoformat("2024-02-29"), "m": None}]


def test_row_labels_without_a_name_are_left_out(run_step: Any) -> None:
    labelled = TABLE.append_column("__index_level_0__", pa.array([5, 6, 7]))
    assert rows(Snapshot.of(run_step(PandasDatasource(name="t", data=ForeignFrame(labelled))))) == ROWS


def test_identity_is_that_of_the_values_however_they_are_held() -> None:
    def identity(table: pa.Table) -> str:
        return DataFrameDatasource(name="t", data=table).identity()

    chunked = pa.concat_tables([TABLE.slice(0, 1), TABLE.slice(1)])
    coded = TABLE.set_column(2, "word", TABLE["word"].combine_chunks().dictionary_encode())
    assert identity(chunked) == identity(coded) == identity(TABLE)
    assert identity(TABLE.slice(0, 2)) != identity(TABLE)
    assert identity(TABLE.rename_columns(["n", "x", "other"])) != identity(TABLE)
    assert identity(pa.table({"a": ["x", "yz"]})) != identity(pa.table({"a": ["xy", "z"]}))
    assert identity(pa.table({"a": ["", "x"]})) != identity(pa.table({"a": [None, "x"]}))
    assert identity(pa.table({"a": [True]})) != identity(pa.table({"a": [1]}))


def test_a_spec_names_the_table_by_its_digest_and_finds_it_again() -> None:
    datasource = DataFrameDatasource(name="t", data=TABLE)
    config = datasource.to_config()
    assert config["type"] == "DataFrameDatasource"
    assert type(config["config"]["data"]) is str
    assert config["config"]["data"].startswith("arrow:sha256:")
    again = Datasource.from_config(config)
    assert again == datasource
    identity = datasource.identity()
    del datasource
    gc.collect()
    assert again.identity() == identity
    assert again.fingerprint_config() == {}


def test_a_table_of_another_process_is_refused_with_the_mend(run_step: Any) -> None:
    datasource = DataFrameDatasource(name="t", data="arrow:sha256:" + "0" * 64)
    for use in (datasource.identity, lambda: run_step(datasource)):
        with pytest.raises(DataError, match=r"this table lives in the process that made it\. Give the table"):
            use()


def test_a_table_nobody_holds_any_more_is_let_go() -> None:
    name = DataFrameDatasource(name="t", data=pa.table({"only here": [1]})).to_config()["config"]["data"]
    gc.collect()
    with pytest.raises(DataError, match="lives in the process"):
        DataFrameDatasource(name="t", data=name).identity()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("data.csv", "this is a text, not a table"),
        (7, "int is no table"),
        (np.zeros((3, 2)), r"an array \(3 x 2\) has no names for its columns"),
        ({"x": np.zeros((3, 2, 2))}, r"column 'x' has the shape \(3, 2, 2\)"),
        ({"x": [1, 2], "y": [1]}, "length"),
        ({"x": [1, "a"]}, "'a'"),
    ],
)
def test_what_is_no_table_is_refused_at_once(data: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        DataFrameDatasource(name="t", data=data)


def test_what_a_snapshot_cannot_keep_is_refused_at_once() -> None:
    with pytest.raises(DataError, match="there is no row"):
        DataFrameDatasource(name="t", data={"x": pa.array([], pa.int64())})
    with pytest.raises(DataError) as error:
        DataFrameDatasource(name="t", data={"tags": [[["a"]]], "clock": [dt.time(1)]})
    assert [problem.where for problem in error.value.problems] == [
        "the data in memory, column tags",
        "the data in memory, column clock",
    ]
    with pytest.raises(DataError, match="row 2, column n: '18446744073709551615' is not a 64-bit integer"):
        DataFrameDatasource(name="t", data={"n": np.array([1, (1 << 64) - 1], np.uint64)})


def test_a_pipeline_file_cannot_hold_it_unless_a_snapshot_is_pinned() -> None:
    pipeline = DataPipeline(name="frames")
    pipeline.add_datasource(DataFrameDatasource(name="t", data=TABLE))
    with pytest.raises(SpecError, match="its table lives in this process; keep it in a file, or pin"):
        pipeline.to_yaml()
    pinned = DataPipeline(name="frames")
    pinned.add_datasource(DataFrameDatasource(name="t", data=TABLE, snapshot="sha256:" + "0" * 64))
    assert "snapshot: sha256:0000" in pinned.to_yaml()


def test_a_pipeline_runs_here_and_in_another_process_with_the_same_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zenml.backends.orchestrator import OrchestratorSubprocessBackend

    monkeypatch.chdir(tmp_path)
    digests = []
    for backend in (None, OrchestratorSubprocessBackend()):
        pipeline = DataPipeline(name="frames")
        pipeline.add_datasource(DataFrameDatasource(name="t", data=TABLE))
        run = pipeline.run(backend=backend)
        (step,) = run.steps.values()
        digests.append(step.outputs["examples"].digest)
    assert digests[0] == digests[1]


def test_every_engine_gives_the_same_bytes(run_step: Any, files_of: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("zenml.data.memory.commit.ROWS", 500)
    table = {"n": list(range(3000)), "x": [None if n % 7 == 0 else n / 3 for n in range(3000)]}
    datasource = DataFrameDatasource(name="t", data=table)
    here = run_step(datasource)
    there = run_step(datasource, engine=HostileProcessingBackend(seed=7))
    assert len(here.properties["splits"]["all"]["shards"]) == 6
    assert files_of(here.path) == files_of(there.path)
