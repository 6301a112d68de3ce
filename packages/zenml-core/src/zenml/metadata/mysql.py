"""MySQLMetadataStore: a metadata store in a MySQL or MariaDB database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.metadata.server import ServerMetadataStore

if TYPE_CHECKING:
    from zenml.metadata.database import Database


class MySQLMetadataStore(ServerMetadataStore):
    """Records runs in a database of MySQL 5.7 or later, or of MariaDB, which `ml-metadata` opens too."""

    DRIVER = "pymysql"
    EXTRA = "mysql"

    def open_database(self) -> Database:
        """Return the database on the server."""
        self.require_driver()
        from zenml.metadata.mysql_database import MySQLDatabase

        return MySQLDatabase(self.replaced(), self.revealed())  # a copy, which does not refer to the database
