"""The suite of metadata stores on real servers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from database_servers import DatabaseServer
from metadata_databases import emptied, new_database

from zenml.metadata import MySQLMetadataStore, PostgreSQLMetadataStore
from zenml.testing.metadata_store import MetadataStoreConformance


@pytest.fixture(scope="module")
def mariadb_database(mariadb_server: DatabaseServer) -> Iterator[str]:
    with new_database(mariadb_server) as name:
        yield name


@pytest.fixture(scope="module")
def postgresql_database(postgresql_server: DatabaseServer) -> Iterator[str]:
    with new_database(postgresql_server) as name:
        yield name


@pytest.mark.xdist_group("mariadb")
class TestMariaDB(MetadataStoreConformance):
    @pytest.fixture
    def store(self, mariadb_server: DatabaseServer, mariadb_database: str) -> Iterator[MySQLMetadataStore]:
        with emptied(mariadb_server, mariadb_database) as config:
            yield MySQLMetadataStore(**config)


@pytest.mark.xdist_group("postgresql")
class TestPostgreSQL(MetadataStoreConformance):
    @pytest.fixture
    def store(self, postgresql_server: DatabaseServer, postgresql_database: str) -> Iterator[PostgreSQLMetadataStore]:
        with emptied(postgresql_server, postgresql_database) as config:
            yield PostgreSQLMetadataStore(**config)
