"""Metadata stores on real servers: their schema, their errors, and what happens when connections break."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from database_servers import PASSWORD, DatabaseServer
from metadata_databases import DESCRIBE, config_of, emptied, new_database
from relay import Relay

from zenml.errors import StoreError
from zenml.metadata import MySQLMetadataStore, PostgreSQLMetadataStore
from zenml.metadata.records import State, StepRecord
from zenml.metadata.server import ServerMetadataStore
from zenml.testing.recorded_runs import a_run, an_artifact, complete, run_id, started, step_of

SCHEMAS = json.loads((Path(__file__).parent / "mlmd_schema_10_servers.json").read_text("utf-8"))
"""What the queries in DESCRIBE gave for databases that ml-metadata 1.17.1 made."""

STORES = {"mysql": MySQLMetadataStore, "postgresql": PostgreSQLMetadataStore}


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("mariadb_server", marks=pytest.mark.xdist_group("mariadb")),
        pytest.param("postgresql_server", marks=pytest.mark.xdist_group("postgresql")),
    ],
)
def server(request: pytest.FixtureRequest) -> DatabaseServer:
    found: DatabaseServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def database(server: DatabaseServer) -> Iterator[str]:
    with new_database(server) as name:
        yield name


@pytest.fixture
def make(server: DatabaseServer, database: str) -> Iterator[Callable[..., ServerMetadataStore]]:
    """Make a store in an empty database; arguments change its config."""
    with emptied(server, database) as config:
        yield lambda **changes: STORES[server.scheme](**{**config, **changes})


def end_connections(server: DatabaseServer, database: str) -> None:
    """End every connection to a database from the server's side."""
    if server.scheme == "mysql":
        for id_ in sessions(server, database):
            with suppress(AssertionError):  # it may have ended meanwhile
                server.run(f"KILL {id_};")
    else:
        server.run(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}' "
            "AND application_name = 'zenml-metadata';",
            "postgres",
        )


def test_the_schema_is_the_one_that_ml_metadata_makes(
    server: DatabaseServer, database: str, make: Callable[..., ServerMetadataStore]
) -> None:
    make().list_runs()
    assert server.run(DESCRIBE[server.scheme], database).splitlines() == SCHEMAS[server.scheme]
    assert server.run("SELECT schema_version FROM MLMDEnv;", database).strip() == "10"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"password": "of somebody else"}, "refused the user zenml"),
        ({"username": "nobody"}, "refused the user nobody"),
        ({"database": "nowhere"}, "there is no database nowhere"),
        ({"host": "nowhere.invalid"}, "there is no such host"),
        ({"port": 1}, "does not answer"),
        ({"ssl": "require"}, "no encrypted connection"),
    ],
)
def test_a_connection_that_cannot_be_made_is_one_error_without_a_secret(
    make: Callable[..., ServerMetadataStore], changes: dict[str, Any], expected: str
) -> None:
    with pytest.raises(StoreError, match=expected) as caught:
        make(**changes).list_runs()
    assert PASSWORD not in str(caught.value)
    assert "of somebody else" not in str(caught.value)
    assert len(caught.value.problems) == 1


def test_a_host_that_says_nothing_is_given_up_after_the_time_out(make: Callable[..., ServerMetadataStore]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = make(port=silent.getsockname()[1], connect_timeout=2, ssl="disable")
        with pytest.raises(StoreError, match="did not answer within 2 s"):
            store.list_runs()


def test_a_user_without_rights_is_told_what_they_lack(server: DatabaseServer) -> None:
    word = PASSWORD.replace("'", "''")
    if server.scheme == "mysql":
        server.run(f"CREATE OR REPLACE USER poor@'127.0.0.1' IDENTIFIED BY '{word}';")
    else:
        server.run(f"DROP ROLE IF EXISTS poor; CREATE ROLE poor LOGIN PASSWORD '{word}';", "postgres")
    with new_database(server) as name:
        if server.scheme == "postgresql":
            server.run("REVOKE CREATE ON SCHEMA public FROM public;", name)
        store = STORES[server.scheme](**{**config_of(server, name), "username": "poor"})
        with pytest.raises(StoreError, match=rf"the user poor may not do that in the database {name}") as caught:
            store.list_runs()
        assert "Grant them" in str(caught.value)


def test_a_name_that_does_not_fit_is_told_and_not_cut(make: Callable[..., ServerMetadataStore]) -> None:
    store = make()
    with pytest.raises(StoreError, match="too long"):
        store.start_run(a_run(1, pipeline="p" * 300))
    assert store.list_runs() == []


def test_another_schema_version_is_refused_and_left_alone(server: DatabaseServer) -> None:
    with new_database(server) as name:
        config = config_of(server, name)
        STORES[server.scheme](**config).list_runs()
        server.run("UPDATE MLMDEnv SET schema_version = 9;", name)
        with pytest.raises(StoreError, match="has version 9 of ML Metadata's schema"):
            STORES[server.scheme](**config).start_run(a_run(1))
        assert server.run("SELECT schema_version FROM MLMDEnv;", name).strip() == "9"
        assert server.run("SELECT count(*) FROM Context;", name).strip() == "0"


def test_tables_of_somebody_else_are_left_alone(server: DatabaseServer) -> None:
    with new_database(server) as name:
        server.run("CREATE TABLE theirs (id INT);", name)
        with pytest.raises(StoreError, match="holds tables, but none of ML Metadata"):
            STORES[server.scheme](**config_of(server, name)).list_runs()


def test_threads_that_open_a_new_database_together_make_one_schema(server: DatabaseServer) -> None:
    with new_database(server) as name:
        errors: list[BaseException] = []

        def record(number: int) -> None:
            try:
                store = STORES[server.scheme](**config_of(server, name))
                complete(store, started(store, number), "data", outputs=[an_artifact("examples", f"/a/{number}")])
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=record, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        names = server.run("SELECT name FROM Type;", name).split("\n")
        assert len(names) == len(set(names))
        assert server.run("SELECT count(*) FROM Context WHERE name = 'Quickstart';", name).strip() == "1"


def test_connections_that_the_server_ended_are_made_anew(
    server: DatabaseServer, database: str, make: Callable[..., ServerMetadataStore]
) -> None:
    store = make()
    run = started(store, 1)
    end_connections(server, database)
    complete(store, run, "data", outputs=[an_artifact("examples", "/a/1")])
    end_connections(server, database)
    assert [record.id for record in store.list_runs()] == [run]


def sessions(server: DatabaseServer, database: str) -> list[str]:
    """Return the ids of the server's sessions in a database."""
    if server.scheme == "mysql":
        return server.run(f"SELECT id FROM information_schema.processlist WHERE db = '{database}';").split()
    return server.run(f"SELECT pid FROM pg_stat_activity WHERE datname = '{database}';", "postgres").split()


def test_a_store_that_is_dropped_closes_its_connections(server: DatabaseServer) -> None:
    with new_database(server) as name:
        store = STORES[server.scheme](**config_of(server, name))
        store.list_runs()
        assert sessions(server, name)
        del store
        assert any(not sessions(server, name) for _ in range(500))  # the server takes a moment to notice


FORKING = """
import json, os, sys
from zenml.metadata.store import MetadataStore

store = MetadataStore.from_config(json.loads(sys.argv[1]))
store.list_runs()
child = os.fork()
if not child:
    store.list_runs()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
database = store._database
database.retry_seconds = 0
query = "SELECT CONNECTION_ID()" if database.engine.dialect.name == "mysql" else "SELECT pg_backend_pid()"
assert database.transact(lambda connection, _: connection.exec_driver_sql(query).scalar(), write=False)
"""


def test_a_forked_process_leaves_its_parent_s_connections_alone(server: DatabaseServer, database: str) -> None:
    store = STORES[server.scheme](**config_of(server, database))
    command = [sys.executable, "-c", FORKING, json.dumps(store.to_config())]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_server_that_falls_silent_counts_as_lost(
    server: DatabaseServer, make: Callable[..., ServerMetadataStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    make().list_runs()
    for module in ("mysql_database", "postgresql_database"):
        monkeypatch.setattr(f"zenml.metadata.{module}.SILENT_SECONDS", 5)
    relay = Relay(server.port)
    try:
        store = make(port=relay.port, retry_seconds=0)
        store.list_runs()
        relay.be_silent()
        with pytest.raises(StoreError, match=r"the database server does not answer for 0 s: .*timed out"):
            store.list_runs()
    finally:
        relay.close()


LOCKED = {
    "mysql": (
        "SELECT id FROM Context FOR UPDATE",
        "SELECT count(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT';",
    ),
    "postgresql": ("LOCK TABLE Context", "SELECT count(*) FROM pg_locks WHERE NOT granted;"),
}


def test_a_wait_for_another_transaction_is_no_silence(
    server: DatabaseServer, database: str, make: Callable[..., ServerMetadataStore]
) -> None:
    store, other = make(), make()
    run = started(store, 1)
    other.list_runs()
    assert other._database is not None
    waiting = threading.Thread(target=complete, args=(store, run, "data"))
    lock, seen = LOCKED[server.scheme]
    with other._database.transaction(write=True) as connection:
        connection.exec_driver_sql(lock)
        waiting.start()
        while server.run(seen, database).strip() == "0":
            assert waiting.is_alive()
    waiting.join()
    assert step_of(store, run, "data").state is State.COMPLETE


def lose_next_commit(store: ServerMetadataStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lose the connection right after the server took the next commit, before it could say so."""
    assert store._database is not None
    dialect = store._database.engine.dialect
    commit = dialect.do_commit

    def lost(connection: Any) -> None:
        monkeypatch.undo()
        commit(connection)
        connection.dbapi_connection.close()
        commit(connection)

    monkeypatch.setattr(dialect, "do_commit", lost)
    monkeypatch.setenv("DATABASE_PASSWORD", PASSWORD)


def test_what_was_committed_when_the_connection_broke_is_recorded_once(
    server: DatabaseServer, database: str, make: Callable[..., ServerMetadataStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make()
    store.list_runs()

    def lose() -> None:
        lose_next_commit(store, monkeypatch)

    lose()
    monkeypatch.setenv("DATABASE_PASSWORD", PASSWORD)
    run = started(store, 1)
    complete(store, run, "data", outputs=[an_artifact("warm", "/w")])
    for step in ("split", "trainer"):
        lose()
        store.start_step(run, step, attempt="1", fingerprint="f", inputs=[], facts={})
    lose()
    outputs = [an_artifact("b", "/b"), an_artifact("a", "/a")]
    published = store.publish_step(
        run, "split", state=State.COMPLETE, attempt="1", fingerprint="f",
        inputs=[], outputs=outputs, metrics={"m": 1.0}, facts={},
    )  # fmt: skip
    assert [replace(row, id=0) for row in published] == outputs
    lose()
    store.end_step(run, "trainer", state=State.FAILED, attempt="1", error="boom")
    lose()
    store.end_run(run, state=State.FAILED, error="why")
    lose()
    store.resume_run(a_run(1))
    lose()
    assert store.end_lost_runs(lambda _: False) == [run]
    found = store.get_run(run)
    assert found is not None
    assert (found.state, [step.state for step in found.steps]) == (
        State.LOST, [State.COMPLETE, State.COMPLETE, State.SKIPPED],
    )  # fmt: skip
    assert server.run("SELECT count(*) FROM Artifact;", database).strip() == "3"
    assert server.run("SELECT count(*) FROM Event;", database).strip() == "3"


def test_transactions_in_each_other_s_way_are_tried_again(
    server: DatabaseServer, make: Callable[..., ServerMetadataStore]
) -> None:
    store = make()
    run = started(store, 1)
    tries: list[int] = []
    assert store._database is not None

    def deadlocked(connection: Any, _again: bool) -> str:
        tries.append(1)
        if len(tries) < 3:
            if server.scheme == "mysql":
                connection.exec_driver_sql("SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213")
            connection.exec_driver_sql("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$")
        return "done"

    assert store._database.transact(deadlocked, write=True) == "done"
    assert len(tries) == 3
    assert store.list_runs()[0].id == run


def test_a_server_that_stays_away_is_one_clear_error(make: Callable[..., ServerMetadataStore]) -> None:
    store = make(retry_seconds=0.2)
    run = started(store, 1)
    broken = type(store)(**{**store.model_dump(), "port": 1}).open_database()
    broken.opened = True
    with pytest.raises(StoreError, match=r"does not answer for 0\.2 s"):
        broken.transact(lambda *_: None, write=False)
    assert [record.id for record in make().list_runs()] == [run]


def test_a_password_is_not_in_what_is_written_of_a_store(make: Callable[..., ServerMetadataStore]) -> None:
    store = make()
    assert PASSWORD not in json.dumps(store.to_config())
    assert store.to_config()["config"]["password"] == "env:DATABASE_PASSWORD"
    assert PASSWORD not in repr(store)


@pytest.mark.xdist_group("mariadb")
def test_tables_that_fold_case_keep_what_differs_in_case_apart(mariadb_server: DatabaseServer) -> None:
    with new_database(mariadb_server) as name:
        config = config_of(mariadb_server, name)
        MySQLMetadataStore(**config).list_runs()
        for table in ("Context", "Execution", "ContextProperty", "ExecutionProperty"):
            mariadb_server.run(
                f"ALTER TABLE {table} CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;", name
            )
        store = MySQLMetadataStore(**config)
        steps = (StepRecord("data", "Loader"), StepRecord("more", "loader"))
        store.start_run(replace(a_run(1, pipeline="A"), steps=steps))
        assert [step.id for _, step in store.list_steps(type="loader")] == ["more"]
        assert [run.id for run in store.list_runs(pipeline="A")] == [run_id(1)]
        assert store.list_runs(pipeline="a") == []
        with pytest.raises(StoreError, match="Name it A"):
            store.start_run(a_run(2, pipeline="a"))


@pytest.mark.xdist_group("mariadb")
def test_tables_of_a_poorer_character_set_say_so(mariadb_server: DatabaseServer) -> None:
    with new_database(mariadb_server) as name:
        config = config_of(mariadb_server, name)
        MySQLMetadataStore(**config).list_runs()
        mariadb_server.run("ALTER TABLE ContextProperty CONVERT TO CHARACTER SET latin1;", name)
        with pytest.raises(StoreError, match="utf8mb4"):
            MySQLMetadataStore(**config).start_run(a_run(1, spec="✓"))


@pytest.mark.xdist_group("mariadb")
@pytest.mark.parametrize(
    "left", ["DROP TABLE MLMDEnv, Type; DROP INDEX idx_event_execution_id ON Event;", "DROP TABLE Event;", ""]
)
def test_a_schema_whose_making_was_cut_off_is_completed(mariadb_server: DatabaseServer, left: str) -> None:
    with new_database(mariadb_server) as name:
        config = config_of(mariadb_server, name)
        MySQLMetadataStore(**config).list_runs()
        mariadb_server.run(f"DELETE FROM MLMDEnv; DELETE FROM Type; DELETE FROM TypeProperty; {left}", name)
        store = MySQLMetadataStore(**config)
        started(store, 1)
        assert mariadb_server.run(DESCRIBE["mysql"], name).splitlines() == SCHEMAS["mysql"]
