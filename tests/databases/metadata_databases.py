"""Databases for the tests of metadata stores."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from database_servers import DatabaseServer

NODES = [
    "Artifact",
    "ArtifactProperty",
    "Execution",
    "ExecutionProperty",
    "Context",
    "ContextProperty",
    "Event",
    "EventPath",
    "Association",
    "Attribution",
    "ParentContext",
]

DESCRIBE = {
    "mysql": """
        SELECT table_name, column_name, column_type, is_nullable, column_default, extra
        FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position;
        SELECT table_name, index_name, non_unique,
          GROUP_CONCAT(CONCAT(column_name, '/', IFNULL(sub_part, '')) ORDER BY seq_in_index)
        FROM information_schema.statistics WHERE table_schema = DATABASE()
        GROUP BY table_name, index_name, non_unique ORDER BY table_name, index_name;""",
    "postgresql": """
        SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, column_default
        FROM information_schema.columns WHERE table_schema = 'public' ORDER BY table_name, ordinal_position;
        SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY tablename, indexname;""",
}
"""Queries that tell the columns and indexes of a database."""


@contextmanager
def new_database(server: DatabaseServer, options: str = "CHARACTER SET utf8mb4") -> Iterator[str]:
    """Make a database; drop it at the end."""
    name = f"m{secrets.token_hex(6)}"
    mysql = server.scheme == "mysql"
    make, drop = (f"{options};", ";") if mysql else ("OWNER zenml;", "WITH (FORCE);")
    server.run(f"CREATE DATABASE {name} {make}", "" if mysql else "postgres")
    try:
        yield name
    finally:
        server.run(f"DROP DATABASE {name} {drop}", "" if mysql else "postgres")


@contextmanager
def emptied(server: DatabaseServer, database: str) -> Iterator[dict[str, Any]]:
    """Give the config of a store in a database; remove what it records at the end, if it ever made its tables."""
    yield config_of(server, database)
    schema = "DATABASE()" if server.scheme == "mysql" else "'public'"
    found = server.run(f"SELECT table_name FROM information_schema.tables WHERE table_schema = {schema};", database)
    there = set(found.lower().split())
    server.run("".join(f"DELETE FROM {table};" for table in NODES if table.lower() in there), database)


def config_of(server: DatabaseServer, database: str, **more: Any) -> dict[str, Any]:
    """Return the config of a store in a database."""
    where = {"host": "127.0.0.1", "port": server.port, "database": database}
    return {**where, "username": "zenml", "password": "env:DATABASE_PASSWORD", **more}
