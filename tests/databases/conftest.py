"""Fixtures for tests with real database servers; each server starts once, where it is first needed.

Mark the tests of a server with `xdist_group`, so that one process runs them all.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from zenml.artifacts.handles import NewArtifact, StoredArtifact
from zenml.backends.interfaces import ProcessingBackend
from zenml.backends.processing import ProcessingBaseBackend
from zenml.data.shards import ShardJob, State, fold_order
from zenml.data.snapshot import Snapshot
from zenml.datasources import SQLDatasource
from zenml.steps.base import Advance, StepContext

sys.path.insert(0, str(Path(__file__).parent))  # where the tests' own modules lie

from database_servers import PASSWORD, DatabaseServer, mariadb, postgresql


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[DatabaseServer]:
    """Return a running PostgreSQL."""
    with postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[DatabaseServer]:
    """Return a running MariaDB."""
    with mariadb() as server:
        yield server


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_PASSWORD", PASSWORD)


@dataclass
class Reader:
    """Runs datasources as single steps, without a store."""

    folder: Path
    warnings: list[str] = field(default_factory=list)
    count: int = 0

    def __call__(
        self,
        datasource: SQLDatasource,
        engine: ProcessingBackend | None = None,
        before: Callable[[ShardJob], object] | None = None,
    ) -> StoredArtifact:
        """Run a datasource; `before`, if given, is called with each of its jobs."""
        self.count += 1
        new = NewArtifact(datasource.outputs["examples"], self.folder / f"{self.count}" / "out")
        scratch = self.folder / f"{self.count}" / "scratch"
        new.path.mkdir(parents=True)
        scratch.mkdir()
        chosen = engine or ProcessingBaseBackend(workers=1)

        def run_job(job: ShardJob) -> list[State]:
            if before:
                before(job)
            return fold_order(job, chosen.map(job))

        datasource.run(StepContext({}, {"examples": new}, 1, run_job, scratch, self))
        return StoredArtifact("Examples", new.path.as_uri(), f"sha256:{'0' * 64}", new.path, new.properties)

    def rows(self, datasource: SQLDatasource) -> list[dict[str, Any]]:
        """Run a datasource and return its rows."""
        found = Snapshot.of(self(datasource))
        return [row for batch in found.batches("all") for row in batch.to_pylist()]

    def log(self, message: str) -> None:
        """Forget a message."""

    def warn(self, message: str) -> None:
        """Keep a warning."""
        self.warnings.append(message)

    @contextmanager
    def progress(self, label: str, total: float) -> Iterator[Advance]:
        """Count nothing."""

        def advance(units: float = 1) -> None:
            """Forget it."""

        yield advance


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    """Return a runner of datasources."""
    return Reader(tmp_path / "readings")


@pytest.fixture
def files_of() -> Callable[[StoredArtifact], Mapping[str, bytes]]:
    """Return a function that reads an artifact as names and bytes, without what killed processes left."""

    def read(artifact: StoredArtifact) -> dict[str, bytes]:
        files = sorted(path for path in artifact.path.rglob("*") if path.is_file() and path.suffix != ".partial")
        return {path.relative_to(artifact.path).as_posix(): path.read_bytes() for path in files}

    return read
