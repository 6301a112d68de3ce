"""Pipelines of many processes in one metadata store, also while its server dies and comes back.

`ZENML_FULL_LOAD=1` makes it eight processes and 200 runs for each store.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from database_servers import DatabaseServer, mariadb, postgresql
from metadata_databases import config_of, new_database

from zenml.artifacts.store import ArtifactStore
from zenml.metadata import MySQLMetadataStore, PostgreSQLMetadataStore, SQLiteMetadataStore
from zenml.metadata.records import State
from zenml.metadata.store import MetadataStore

PROCESSES, RUNS = (8, 25) if os.environ.get("ZENML_FULL_LOAD") else (3, 3)
SCRIPT = Path(__file__).parent / "run_pipelines.py"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / ".zenml").mkdir()
    rows = "".join(f"{number},{number * 7 % 5},{number % 2}\n" for number in range(200))
    (tmp_path / "table.csv").write_text(f"a,b,label\n{rows}")
    return tmp_path


@dataclass
class Worker:
    """A process that runs pipelines.

    Args:
        process: it prints the ids of its runs.
        errors: the file that holds what it says is wrong.
    """

    process: subprocess.Popen[str]
    errors: Path

    def line(self) -> str:
        """Return the next id, or "" when it has ended."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def rest(self) -> list[str]:
        """Return the ids that are left, when it has ended as it should."""
        assert self.process.stdout is not None
        found = self.process.stdout.read().split()
        assert self.process.wait() == 0, self.errors.read_text()
        assert self.errors.read_text() == ""
        return found


@contextmanager
def workers(project: Path, store: MetadataStore) -> Iterator[list[Worker]]:
    """Start processes that each run as many pipelines; end those that are left."""
    block = json.dumps(store.to_config())
    with ExitStack() as started:
        found = []
        for number in range(PROCESSES):
            path = project / f"errors-{number}"
            errors = started.enter_context(path.open("w"))
            words = [block, str(project / "artifacts"), str(number * RUNS), str(RUNS)]
            process = subprocess.Popen(
                [sys.executable, str(SCRIPT), *words], cwd=project, stdout=subprocess.PIPE, stderr=errors, text=True
            )
            started.enter_context(process)
            started.callback(process.kill)
            found.append(Worker(process, path))
        yield found


def check(project: Path, store: MetadataStore, said: list[str]) -> None:
    """Every run is recorded once and whole, and every artifact is as it was published."""
    runs = store.list_runs()
    assert Counter(run.id for run in runs) == Counter(said)
    assert {run.state for run in runs} == {State.COMPLETE}
    assert sorted(store.list_pipelines()) == ["Load 0", "Load 1", "Load 2"]
    artifacts, made, seen = ArtifactStore(str(project / "artifacts")), Counter[str](), set()
    for run in runs:
        found = store.get_run(run.id)
        assert found is not None
        assert {step.state for step in found.steps} <= {State.COMPLETE, State.CACHED}
        for step in found.steps:
            assert step.outputs
            assert len({row.name for row in step.outputs}) == len(step.outputs)
            seen |= {(row.id, row.uri, row.digest) for row in step.outputs}
            made.update(row.uri for row in step.outputs if step.state is State.COMPLETE)
        assert found.steps[1].inputs[0].digest == found.steps[0].outputs[0].digest
    assert set(made.values()) == {1}, "an attempt was published twice"
    assert len({uri for _, uri, _ in seen}) == len(seen) == len(made)
    for _, uri, digest in seen:
        artifact = artifacts.open(uri)
        assert artifact.digest == digest
        artifacts.verify(artifact)


def run_together(project: Path, store: MetadataStore) -> None:
    with workers(project, store) as running:
        check(project, store, [line for worker in running for line in worker.rest()])
    assert len(store.list_runs()) == PROCESSES * RUNS


def test_processes_share_one_sqlite_file(project: Path) -> None:
    run_together(project, SQLiteMetadataStore(path=str(project / "metadata.db")))


@pytest.mark.xdist_group("mariadb")
def test_processes_share_one_mariadb(project: Path, mariadb_server: DatabaseServer) -> None:
    with new_database(mariadb_server) as name:
        run_together(project, MySQLMetadataStore(**config_of(mariadb_server, name)))


@pytest.mark.xdist_group("postgresql")
def test_processes_share_one_postgresql(project: Path, postgresql_server: DatabaseServer) -> None:
    with new_database(postgresql_server) as name:
        run_together(project, PostgreSQLMetadataStore(**config_of(postgresql_server, name)))


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        pytest.param(mariadb, MySQLMetadataStore, marks=pytest.mark.xdist_group("mariadb")),
        pytest.param(postgresql, PostgreSQLMetadataStore, marks=pytest.mark.xdist_group("postgresql")),
    ],
)
def test_runs_wait_for_a_server_that_dies_and_comes_back(
    project: Path,
    start: Callable[[], AbstractContextManager[DatabaseServer]],
    kind: type[MySQLMetadataStore | PostgreSQLMetadataStore],
) -> None:
    with start() as server:
        if kind is MySQLMetadataStore:
            server.run("SET GLOBAL innodb_flush_log_at_trx_commit = 2; CREATE DATABASE runs CHARACTER SET utf8mb4;")
        else:
            server.run("CREATE DATABASE runs OWNER zenml;", "postgres")
        store = kind(**config_of(server, "runs"), retry_seconds=300)
        with workers(project, store) as running:
            said = [worker.line() for worker in running]
            server.process.send_signal(server.crash_signal)
            server.process.wait()
            with server.started_again():
                for worker in running:
                    said += worker.rest()
                assert len(said) == PROCESSES * RUNS
                check(project, store, said)
