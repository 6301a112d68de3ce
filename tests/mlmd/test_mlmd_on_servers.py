"""ml-metadata on a real MariaDB and PostgreSQL: it reads what ZenML wrote, and ZenML reads what it wrote."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip(
    "ml_metadata", reason="needs ml-metadata 1.17.1, which has wheels for CPython 3.11 only: run nox -s mlmd"
)

from database_servers import DatabaseServer
from metadata_databases import config_of, emptied, new_database

from zenml.metadata import MySQLMetadataStore, PostgreSQLMetadataStore, SQLiteMetadataStore
from zenml.metadata.records import State
from zenml.metadata.store import MetadataStore
from zenml.testing.metadata_store import MetadataStoreConformance
from zenml.testing.recorded_runs import a_run, an_artifact, complete, run_id, started


@pytest.fixture(scope="module")
def database(mariadb_server: DatabaseServer) -> Iterator[str]:
    with new_database(mariadb_server) as name:
        yield name


@pytest.fixture
def config(mariadb_server: DatabaseServer, database: str) -> Iterator[dict[str, Any]]:
    with emptied(mariadb_server, database) as found:
        yield found


class TestMariaDB(MetadataStoreConformance):
    @pytest.fixture
    def store(self, config: dict[str, Any]) -> MetadataStore:
        from zenml_mlmd.store import MLMDMetadataStore

        return MLMDMetadataStore(**config)


def opened_by_library(server: DatabaseServer, database: str, password: str) -> Any:
    """Open a database as a user whose password has no sign that the library fails to escape."""
    import ml_metadata
    from ml_metadata.proto import metadata_store_pb2

    connection = metadata_store_pb2.ConnectionConfig()
    place = connection.mysql if server.scheme == "mysql" else connection.postgresql
    place.host, place.user, place.password = "127.0.0.1", "plain", password
    if server.scheme == "mysql":
        place.port, place.database = server.port, database
    else:
        place.port, place.dbname = str(server.port), database
    return ml_metadata.MetadataStore(connection)


def recorded(store: MetadataStore, sign: str = "✓") -> str:
    """Record a run of which one step is complete and one failed."""
    record = a_run(1, spec=f"zenml: 1\nname: {sign}\n", facts={"git": sign})
    store.start_run(record)
    (made,) = complete(store, record.id, "data", outputs=[an_artifact("examples", "/a/1")])
    complete(store, record.id, "split", inputs=[made], outputs=[an_artifact("split", "/b/1")])
    store.start_step(record.id, "trainer", attempt="1", fingerprint="f", inputs=[made], facts={})
    store.end_step(record.id, "trainer", state=State.FAILED, attempt="1", error=f"boom {sign}")
    store.end_run(record.id, state=State.FAILED, error="trainer failed")
    return record.id


@pytest.mark.parametrize("scheme", ["mysql", "postgresql"])
def test_the_library_reads_what_zenml_wrote(request: pytest.FixtureRequest, scheme: str) -> None:
    kinds: dict[str, Any] = {"mysql": MySQLMetadataStore, "postgresql": PostgreSQLMetadataStore}
    if scheme == "postgresql":
        pytest.importorskip("pg8000")
    server = request.getfixturevalue("mariadb_server" if scheme == "mysql" else "postgresql_server")
    if scheme == "mysql":
        server.run(
            "CREATE OR REPLACE USER plain@'127.0.0.1' IDENTIFIED BY 'plain'; GRANT ALL ON *.* TO plain@'127.0.0.1';"
        )
    else:
        server.run("CREATE ROLE plain LOGIN SUPERUSER PASSWORD 'plain';", "postgres")
    with new_database(server) as name:
        store = kinds[scheme](**config_of(server, name))
        run = recorded(store)
        library = opened_by_library(server, name, "plain")
        context = library.get_context_by_type_and_name("zenml.Run", run)
        assert context.properties["zenml_state"].string_value == "FAILED"
        states = {row.name: row.last_known_state for row in library.get_executions_by_context(context.id)}
        assert states == {f"{run}/data": 3, f"{run}/split": 3, f"{run}/trainer": 4}
        artifacts = {row.uri: row for row in library.get_artifacts_by_context(context.id)}
        assert {uri: row.type for uri, row in artifacts.items()} == {"/a/1": "zenml.Examples", "/b/1": "zenml.Examples"}
        assert len(library.get_events_by_artifact_ids([artifacts["/a/1"].id])) == 3
        before = store.get_run(run)
        context.custom_properties["note"].string_value = "by the library"
        library.put_contexts([context])
        assert store.get_run(run) == before
        later = started(store, 2)
        complete(store, later, "data", inputs=[an_artifact("examples", "/a/1")])
        assert [record.id for record in store.list_runs()] == [run_id(2), run]


def test_the_stores_read_each_other_on_mariadb(config: dict[str, Any]) -> None:
    from zenml_mlmd.store import MLMDMetadataStore

    # the library sends its UTF-8 as if it were Latin-1, so only ASCII is the same for everybody else
    check_both_ways(MLMDMetadataStore(**config), MySQLMetadataStore(**config), "ASCII")


def test_the_stores_read_each_other_on_sqlite(tmp_path: Path) -> None:
    from zenml_mlmd.store import MLMDMetadataStore

    path = str(tmp_path / "metadata.db")
    check_both_ways(MLMDMetadataStore(path=path), SQLiteMetadataStore(path=path), "✓")


def check_both_ways(library: MetadataStore, ours: MetadataStore, sign: str) -> None:
    run = recorded(library, sign)
    by_library, by_us = library.get_run(run), ours.get_run(run)
    assert by_library is not None
    assert by_us is not None
    assert replace(by_us, steps=()) == replace(by_library, steps=())
    assert by_us.steps[:2] == by_library.steps[:2]
    assert replace(by_us.steps[2], inputs=()) == replace(by_library.steps[2], inputs=())  # see zenml-mlmd's README
    assert ours.find_step("f-data") == library.find_step("f-data")
    again = replace(a_run(1), owner=replace(a_run(1).owner, pid=7))
    ours.resume_run(again)
    complete(ours, run, "trainer", attempt="2")
    ours.end_run(run, state=State.COMPLETE)
    assert library.get_run(run) == ours.get_run(run)
    assert library.list_runs() == ours.list_runs()
    assert library.list_steps() == ours.list_steps()
