"""Google's ml-metadata library opens the database that ZenML writes, reads all of it, and writes into it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from zenml.metadata.records import State
from zenml.metadata.sqlite import SQLiteMetadataStore
from zenml.testing.recorded_runs import a_run, an_artifact, complete, run_id, started

mlmd: Any = pytest.importorskip(
    "ml_metadata", reason="needs ml-metadata 1.17.1, which has wheels for CPython 3.11 only: run nox -s mlmd"
)


def opened_by_library(path: str) -> Any:
    from ml_metadata.proto import metadata_store_pb2

    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = path
    config.sqlite.connection_mode = metadata_store_pb2.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    return mlmd.MetadataStore(config)


@pytest.fixture
def store(tmp_path: Path) -> SQLiteMetadataStore:
    return SQLiteMetadataStore(path=str(tmp_path / "metadata.db"))


@pytest.fixture
def run(store: SQLiteMetadataStore) -> str:
    """Record a run of which one step is complete, one cached and one failed."""
    record = a_run(1, spec="zenml: 1\nname: Quickstart\n", facts={"git": "abc"})
    store.start_run(record)
    (made,) = complete(store, record.id, "data", outputs=[an_artifact("examples", "/a/1")])
    store.publish_step(
        record.id,
        "split",
        state=State.CACHED,
        attempt="",
        fingerprint="f-split",
        inputs=[made],
        outputs=[made],
        metrics={"auc": 0.75, "nothing": float("nan")},
        facts={"host": "here"},
    )
    store.start_step(record.id, "trainer", attempt="1", fingerprint="f", inputs=[made], facts={})
    store.end_step(record.id, "trainer", state=State.FAILED, attempt="1", error="boom")
    store.end_run(record.id, state=State.FAILED, error="trainer failed")
    return record.id


def strings(properties: Any) -> dict[str, str]:
    return {name: value.string_value for name, value in properties.items() if value.HasField("string_value")}


def test_it_lists_the_contexts(store: SQLiteMetadataStore, run: str) -> None:
    library = opened_by_library(store.path)
    context = library.get_context_by_type_and_name("zenml.Run", run)
    assert context.external_id == f"Quickstart/{run}"
    found = strings(context.properties)
    assert found["zenml_state"] == "FAILED"
    assert found["error"] == "trainer failed"
    assert found["owner_pid"] == "4000000000"
    assert float(found["started"]) <= float(found["finished"])
    assert strings(context.custom_properties) == {"facts/git": "abc"}
    parents = {parent.type: parent for parent in library.get_parent_contexts_by_context(context.id)}
    assert parents.keys() == {"zenml.Pipeline", "zenml.Spec"}
    assert parents["zenml.Pipeline"].name == "Quickstart"
    assert strings(parents["zenml.Spec"].properties) == {"text": "zenml: 1\nname: Quickstart\n"}
    assert parents["zenml.Spec"].name == found["spec"]
    ends = {context.name for context in library.get_contexts_by_type("zenml.AttemptEnd")}
    assert ends == {f"{run}/data/1", f"{run}/trainer/1"}


def test_it_lists_the_executions(store: SQLiteMetadataStore, run: str) -> None:
    from ml_metadata.proto.metadata_store_pb2 import Execution

    library = opened_by_library(store.path)
    context = library.get_context_by_type_and_name("zenml.Run", run)
    executions = {execution.name: execution for execution in library.get_executions_by_context(context.id)}
    assert {name: execution.last_known_state for name, execution in executions.items()} == {
        f"{run}/data": Execution.COMPLETE,
        f"{run}/split": Execution.CACHED,
        f"{run}/trainer": Execution.FAILED,
    }
    assert {execution.type for execution in executions.values()} == {"zenml.Step"}
    split = executions[f"{run}/split"]
    assert split.properties["position"].int_value == 1
    assert strings(split.properties)["cached_fingerprint"] == "f-split"
    assert split.custom_properties["metrics/auc"].double_value == 0.75
    assert split.custom_properties["metrics/nothing"].string_value == "nan"
    assert split.custom_properties["facts/host"].string_value == "here"
    failed = strings(executions[f"{run}/trainer"].properties)
    assert (failed["error"], failed["attempt"], failed["tried_fingerprint"]) == ("boom", "1", "f")


def test_it_lists_the_artifacts_and_events(store: SQLiteMetadataStore, run: str) -> None:
    from ml_metadata.proto.metadata_store_pb2 import Artifact, Event

    library = opened_by_library(store.path)
    context = library.get_context_by_type_and_name("zenml.Run", run)
    (artifact,) = library.get_artifacts_by_context(context.id)
    assert (artifact.type, artifact.uri, artifact.state) == ("zenml.Examples", "/a/1", Artifact.LIVE)
    assert strings(artifact.properties)["digest"].startswith("sha256:")
    names = {execution.id: execution.name for execution in library.get_executions_by_context(context.id)}
    events = {
        (names[event.execution_id], event.type): [(step.key or step.index) for step in event.path.steps]
        for event in library.get_events_by_artifact_ids([artifact.id])
    }
    assert events == {
        (f"{run}/data", Event.OUTPUT): ["examples", 0],
        (f"{run}/split", Event.INPUT): ["examples", 0],
        (f"{run}/split", Event.OUTPUT): ["examples", 0],
        (f"{run}/trainer", Event.INPUT): ["examples", 0],
    }


def test_every_property_is_declared_with_its_type(store: SQLiteMetadataStore, run: str) -> None:
    library = opened_by_library(store.path)
    types = {
        **{(0, kind.name): kind for kind in library.get_execution_types()},
        **{(1, kind.name): kind for kind in library.get_artifact_types()},
        **{(2, kind.name): kind for kind in library.get_context_types()},
    }
    nodes = [
        *((0, node) for node in library.get_executions()),
        *((1, node) for node in library.get_artifacts()),
        *((2, node) for node in library.get_contexts()),
    ]
    assert len(nodes) == 3 + 1 + 5
    fields = {1: "int_value", 2: "double_value", 3: "string_value"}
    for kind, node in nodes:
        declared = types[kind, node.type].properties
        for name, value in node.properties.items():
            assert value.WhichOneof("value") == fields[declared[name]], (node.name, name)


def test_it_writes_beside_our_records_and_we_read_on(store: SQLiteMetadataStore, run: str) -> None:
    from ml_metadata.proto import metadata_store_pb2

    before = repr(store.get_run(run))  # as text, because a metric that is not a number equals nothing
    library = opened_by_library(store.path)
    kind = metadata_store_pb2.ExecutionType(name="notebook")
    kind.properties["cell"] = metadata_store_pb2.INT
    type_id = library.put_execution_type(kind)
    execution = metadata_store_pb2.Execution(type_id=type_id, name="mine")
    execution.properties["cell"].int_value = 7
    (execution_id,) = library.put_executions([execution])
    (artifact,) = library.get_artifacts()
    event = metadata_store_pb2.Event(
        artifact_id=artifact.id, execution_id=execution_id, type=metadata_store_pb2.Event.INPUT
    )
    library.put_events([event])
    context = library.get_context_by_type_and_name("zenml.Run", run)
    context.custom_properties["note"].string_value = "by the library"
    library.put_contexts([context])
    assert repr(store.get_run(run)) == before
    assert [step.id for _, step in store.list_steps()] == ["trainer", "split", "data"]
    later = started(store, 2)
    complete(store, later, "data", inputs=[an_artifact("examples", "/a/1")])
    assert [record.id for record in store.list_runs()] == [run_id(2), run]
    assert len(library.get_executions()) == 7


def test_a_database_that_it_made_takes_our_records(tmp_path: Path) -> None:
    path = str(tmp_path / "theirs.db")
    opened_by_library(path).get_contexts()
    store = SQLiteMetadataStore(path=path)
    run = started(store, 1)
    complete(store, run, "data", outputs=[an_artifact("examples", "/a/1")])
    library = opened_by_library(path)
    context = library.get_context_by_type_and_name("zenml.Run", run)
    assert len(library.get_executions_by_context(context.id)) == 3
    assert [artifact.uri for artifact in library.get_artifacts_by_context(context.id)] == ["/a/1"]


def test_the_schema_is_the_same_whoever_makes_it(tmp_path: Path) -> None:
    import sqlite3
    from contextlib import closing

    opened_by_library(str(tmp_path / "theirs.db")).get_contexts()
    SQLiteMetadataStore(path=str(tmp_path / "ours.db")).list_runs()
    found = []
    for name in ("theirs.db", "ours.db"):
        with closing(sqlite3.connect(tmp_path / name)) as connection:
            tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            found.append(
                {
                    table: (
                        connection.execute(f"PRAGMA table_xinfo('{table}')").fetchall(),
                        sorted(
                            (unique, origin, partial, connection.execute(f"PRAGMA index_info('{index}')").fetchall())
                            for _, index, unique, origin, partial in connection.execute(f"PRAGMA index_list('{table}')")
                        ),
                    )
                    for table in tables
                }
            )
    assert found[0] == found[1]
