from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from zenml.errors import StoreError
from zenml.metadata.sqlite import SQLiteMetadataStore
from zenml.testing.recorded_runs import a_run, an_artifact, complete, run_id, started

SCHEMA = json.loads((Path(__file__).parent / "mlmd_schema_10.json").read_text())


def opened(tmp_path: Path) -> SQLiteMetadataStore:
    store = SQLiteMetadataStore(path=str(tmp_path / "metadata.db"))
    store.list_runs()
    return store


@contextmanager
def rows_of(store: SQLiteMetadataStore) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(store.path)) as connection:
        yield connection
        connection.commit()


def described(connection: sqlite3.Connection) -> dict[str, Any]:
    """Describe the schema as `mlmd_schema_10.json`, which was read from a database made by ml-metadata 1.17.1, does."""
    tables = {}
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    for name, sql in connection.execute(query).fetchall():
        indexes = []
        for _, index, unique, origin, partial in connection.execute(f"PRAGMA index_list('{name}')").fetchall():
            columns = [row[2] for row in connection.execute(f"PRAGMA index_info('{index}')")]
            title = "" if index.startswith("sqlite_auto") else index
            indexes.append([title, unique, origin, partial, columns])
        tables[name] = {
            "columns": [list(row[1:6]) for row in connection.execute(f"PRAGMA table_xinfo('{name}')")],
            "autoincrement": "AUTOINCREMENT" in sql,
            "indexes": sorted(indexes),
        }
    types = [list(row) for row in connection.execute("SELECT name, version, type_kind FROM Type ORDER BY id")]
    return {"tables": tables, "types": types}


def test_the_schema_is_the_one_that_ml_metadata_makes(tmp_path: Path) -> None:
    with rows_of(opened(tmp_path)) as connection:
        ours = described(connection)
        assert connection.execute("SELECT schema_version FROM MLMDEnv").fetchall() == [(10,)]
        assert connection.execute("PRAGMA journal_mode").fetchall() == [("wal",)]
    assert ours["tables"] == SCHEMA["tables"]
    assert ours["types"][: len(SCHEMA["types"])] == SCHEMA["types"]
    assert [name for name, _, _ in ours["types"][len(SCHEMA["types"]) :]] == [
        "zenml.Pipeline",
        "zenml.Spec",
        "zenml.AttemptEnd",
        "zenml.Run",
        "zenml.Step",
    ]


def test_no_number_or_time_is_kept_where_it_would_not_fit_in_32_bits(tmp_path: Path) -> None:
    store = opened(tmp_path)
    run = a_run(1)
    store.start_run(replace(run, owner=replace(run.owner, pid=2**40)))
    assert store.list_runs()[0].owner.pid == 2**40
    with rows_of(store) as connection:
        for table in ("ContextProperty", "ExecutionProperty", "ArtifactProperty"):
            (biggest,) = connection.execute(f"SELECT max(int_value) FROM {table}").fetchone()
            assert (biggest or 0) < 2**31


def test_a_text_of_a_spec_is_kept_once(tmp_path: Path) -> None:
    store = opened(tmp_path)
    for number in range(3):
        store.start_run(a_run(number, spec="zenml: 1\nname: same\n"))
    with rows_of(store) as connection:
        assert connection.execute(
            "SELECT count(*) FROM ContextProperty WHERE string_value LIKE 'zenml: 1%'"
        ).fetchone() == (1,)
    found = store.get_run(run_id(2))
    assert found is not None
    assert found.spec == "zenml: 1\nname: same\n"


def test_another_schema_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    store = opened(tmp_path)
    with rows_of(store) as connection:
        connection.execute("UPDATE MLMDEnv SET schema_version = 11")
    before = Path(store.path).read_bytes()
    with pytest.raises(StoreError, match=r"version 11 .* version 10"):
        SQLiteMetadataStore(path=store.path).list_runs()
    assert Path(store.path).read_bytes() == before


def test_a_database_without_a_version_is_refused(tmp_path: Path) -> None:
    store = opened(tmp_path)
    with rows_of(store) as connection:
        connection.execute("DELETE FROM MLMDEnv")
    with pytest.raises(StoreError, match="version none"):
        SQLiteMetadataStore(path=store.path).list_runs()


def test_a_database_that_lacks_a_table_is_refused(tmp_path: Path) -> None:
    store = opened(tmp_path)
    with rows_of(store) as connection:
        connection.execute("DROP TABLE Attribution")
    with pytest.raises(StoreError, match="lacks the tables attribution"):
        SQLiteMetadataStore(path=store.path).list_runs()


def test_a_database_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
    with pytest.raises(StoreError, match="none of ML Metadata"):
        SQLiteMetadataStore(path=str(path)).list_runs()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("songs",)]


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "metadata.db"
    path.write_bytes(b"This is a letter, not a database. " * 100)
    with pytest.raises(StoreError, match="not a SQLite database") as caught:
        SQLiteMetadataStore(path=str(path)).list_runs()
    assert str(path) in str(caught.value)
    assert path.read_bytes().startswith(b"This is a letter")


def test_a_corrupt_database_is_one_clear_error(tmp_path: Path) -> None:
    store = opened(tmp_path)
    for number in range(50):
        started(store, number)
    with rows_of(store) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with Path(store.path).open("r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * 200_000)
    with pytest.raises(StoreError, match="corrupt"):
        SQLiteMetadataStore(path=store.path).list_runs()


def test_a_path_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="folder of the metadata store cannot be made"):
        SQLiteMetadataStore(path=str(tmp_path / "file" / "metadata.db")).list_runs()


def test_a_path_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened"):
        SQLiteMetadataStore(path=str(tmp_path)).list_runs()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    with pytest.raises(StoreError, match="cannot be opened"):
        SQLiteMetadataStore(path=str(folder / "metadata.db")).list_runs()


def test_a_lock_that_is_never_released_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = opened(tmp_path)
    monkeypatch.setattr("zenml.metadata.sqlite_database._BUSY_SECONDS", 0.01)
    with rows_of(store) as connection:
        connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked"):
            started(SQLiteMetadataStore(path=store.path), 1)
        assert store.list_runs() == []


def test_a_failing_write_leaves_nothing_of_its_transaction(tmp_path: Path) -> None:
    store = opened(tmp_path)
    run = started(store, 1)
    with rows_of(store) as connection:
        connection.execute("CREATE TRIGGER broken BEFORE INSERT ON EventPath BEGIN SELECT raise(ABORT, 'no'); END")
    before = store.get_run(run)
    with pytest.raises(StoreError, match="no"):
        complete(store, run, "data", start=False, outputs=[an_artifact("examples", "/a")])
    assert store.get_run(run) == before
    with rows_of(store) as connection:
        connection.execute("DROP TRIGGER broken")
        for table in ("Artifact", "Event", "Attribution"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    complete(store, run, "data", start=False, outputs=[an_artifact("examples", "/a")])


def test_a_store_of_an_older_zenml_gets_the_properties_it_lacks(tmp_path: Path) -> None:
    store = opened(tmp_path)
    with rows_of(store) as connection:
        connection.execute("DELETE FROM TypeProperty WHERE name = 'owner_host'")
    again = SQLiteMetadataStore(path=store.path)
    again.start_run(a_run(1))
    with rows_of(store) as connection:
        assert connection.execute("SELECT count(*) FROM TypeProperty WHERE name = 'owner_host'").fetchone() == (1,)


def test_a_state_of_a_newer_zenml_is_refused_by_name(tmp_path: Path) -> None:
    store = opened(tmp_path)
    started(store, 1)
    with rows_of(store) as connection:
        connection.execute("UPDATE ContextProperty SET string_value = 'ASLEEP' WHERE name = 'zenml_state'")
    with pytest.raises(StoreError, match="ASLEEP"):
        store.list_runs()


def test_a_relative_path_counts_from_the_given_root(tmp_path: Path) -> None:
    store = SQLiteMetadataStore(path="sub/metadata.db").resolve(tmp_path)
    assert store.path == str(tmp_path / "sub" / "metadata.db")
    assert store.resolve(Path("/elsewhere")) is store
    assert store.list_runs() == []
    assert (tmp_path / "sub" / "metadata.db").exists()


def test_a_path_may_hold_signs_that_mean_something_in_urls(tmp_path: Path) -> None:
    store = SQLiteMetadataStore(path=str(tmp_path / "a b?mode=ro#é%20.db"))
    started(store, 1)
    assert [path.name for path in tmp_path.glob("*.db")] == ["a b?mode=ro#é%20.db"]


def test_a_child_process_by_fork_uses_a_connection_of_its_own(tmp_path: Path) -> None:
    store = opened(tmp_path)
    child = os.fork() if sys.platform != "win32" else pytest.skip("there is no fork on Windows")
    if child == 0:
        os._exit(0 if _records(store, 1) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    started(store, 2)
    assert [run.id for run in store.list_runs()] == [run_id(2), run_id(1)]


def _records(store: SQLiteMetadataStore, number: int) -> bool:
    try:
        started(store, number)
    except BaseException:
        return False
    return True


def test_no_look_up_scans_a_table_or_sorts_what_an_index_orders(tmp_path: Path) -> None:
    store = opened(tmp_path)
    run = started(store, 1)
    complete(store, run, "data")
    said: list[str] = []
    assert store._database is not None
    with store._database.transaction(write=False) as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.set_trace_callback(said.append)
    store.list_runs(limit=50)
    store.list_runs(pipeline="Quickstart", limit=50)
    store.find_step("f-data")
    store.get_run(run)
    store.list_steps(limit=50)
    store.list_steps(type="CSVDatasource", limit=50)
    store.end_lost_runs(lambda _: None)
    driver.set_trace_callback(None)
    queries = {sql for sql in said if sql.startswith("SELECT")}
    assert len(queries) >= 12
    with rows_of(store) as connection:
        plans = {sql: [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}")] for sql in queries}
    assert {detail for plan in plans.values() for detail in plan if detail.startswith("SCAN")} == {
        "SCAN Execution"  # all steps: from the newest id down to the limit
    }
    limited = [plan for sql, plan in plans.items() if "LIMIT" in sql]
    assert len(limited) >= 4
    assert not [plan for plan in limited if any("TEMP B-TREE" in detail for detail in plan)]
