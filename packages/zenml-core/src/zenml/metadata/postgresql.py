"""PostgreSQLMetadataStore: a metadata store in a PostgreSQL database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.metadata.server import ServerMetadataStore

if TYPE_CHECKING:
    from zenml.metadata.database import Database


class PostgreSQLMetadataStore(ServerMetadataStore):
    """Records runs in a PostgreSQL database, which `ml-metadata` opens too."""

    DRIVER = "pg8000"
    EXTRA = "postgresql"

    def open_database(self) -> Database:
        """Return the database on the server."""
        self.require_driver()
        from zenml.metadata.postgresql_database import PostgreSQLDatabase

        return PostgreSQLDatabase(self.replaced(), self.revealed())  # a copy, which does not refer to the database
