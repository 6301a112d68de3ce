"""Fixtures for tests with the ml-metadata library and a real MariaDB."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "databases"))  # where the servers' modules lie

from database_servers import PASSWORD, DatabaseServer, mariadb, postgresql


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[DatabaseServer]:
    """Return a running MariaDB."""
    with mariadb() as server:
        yield server


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[DatabaseServer]:
    """Return a running PostgreSQL."""
    with postgresql() as server:
        yield server


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_PASSWORD", PASSWORD)
