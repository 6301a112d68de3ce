"""ML Metadata's database schema, version 10, as SQLAlchemy tables: used as it is, no table, column or index more.

Types and names are those that `ml-metadata` gives its tables in SQLite, MySQL and PostgreSQL. Only how text is compared
is said here where `ml-metadata` leaves it to the database's default: byte by byte, so that names that differ in case or
accents are told apart, and run ids sort by time in every locale.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import quoted_name
from sqlalchemy.types import NULLTYPE, UserDefinedType

VERSION = 10


class _Plain(UserDefinedType[Any]):
    """A column type written exactly as given; values pass through unchanged."""

    cache_ok = True

    def __init__(self, spec: str) -> None:
        self.spec = spec

    def get_col_spec(self, **_: Any) -> str:
        """Return the type's name in a CREATE TABLE statement."""
        return self.spec


_SERVERS = ("mysql", "postgresql")
_INT = _Plain("INT")
_TIME = _Plain("INT").with_variant(_Plain("BIGINT"), *_SERVERS)
_FLAG = _Plain("TINYINT(1)").with_variant(_Plain("BOOLEAN"), "postgresql")
_KIND = _Plain("TINYINT(1)").with_variant(_Plain("SMALLINT"), "postgresql")
_DOUBLE = _Plain("DOUBLE").with_variant(_Plain("DOUBLE PRECISION"), "postgresql")
_NAME = String(255).with_variant(String(255, collation="C"), "postgresql")
_LONG_TEXT = Text().with_variant(_Plain("MEDIUMTEXT"), "mysql")
_BYTES = LargeBinary().with_variant(_Plain("MEDIUMBLOB"), "mysql")

metadata = MetaData()


class Inserted(ColumnElement[int]):
    """Orders the rows of a property table as their indexes can, newest last: by insertion, else by owner."""

    inherit_cache = False

    def __init__(self, table: Table) -> None:
        self.table = table
        self.type = Integer()


@compiles(Inserted)
def _by_owner(element: Inserted, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.table.columns[0], **options)


@compiles(Inserted, "sqlite")
def _by_rowid(element: Inserted, compiler: SQLCompiler, **options: Any) -> str:
    return f"{compiler.process(element.table, asfrom=True, **options)}.rowid"


class Same(ColumnElement[Any]):
    """Compares a text with another byte by byte, even in tables of MySQL whose collation passes over case.

    Args:
        left: a column, or what is made of one; an index on it is used.
        right: what it is compared with.
    """

    inherit_cache = False

    def __init__(self, left: ColumnElement[Any], right: ColumnElement[Any]) -> None:
        self.left = left
        self.right = right
        self.type = NULLTYPE  # a Boolean would be followed by "= 1"


@compiles(Same)
def _same(element: Same, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.left == element.right, **options)


@compiles(Same, "mysql")
def _same_bytes(element: Same, compiler: SQLCompiler, **options: Any) -> str:
    left, right = (compiler.process(side, **options) for side in (element.left, element.right))
    return f"{left} = {right} AND CONVERT({left} USING utf8mb4) COLLATE utf8mb4_bin = {right}"


def _table(name: str, *columns: Column[Any] | UniqueConstraint, **options: Any) -> Table:
    """Return a table whose name no database quotes: PostgreSQL keeps it in lower case, as `ml-metadata` does."""
    return Table(quoted_name(name, quote=False), metadata, *columns, **options)


def _key() -> Column[Any]:
    return Column("id", Integer, primary_key=True, nullable=True)


def _times() -> list[Column[Any]]:
    zero = text("0")
    names = ("create_time_since_epoch", "last_update_time_since_epoch")
    return [Column(name, _TIME, nullable=False, server_default=zero) for name in names]


def _node(name: str, *columns: Column[Any] | UniqueConstraint) -> Table:
    return _table(name, _key(), *columns, sqlite_autoincrement=True)


def _unique(*columns: str, name: str) -> UniqueConstraint:
    return UniqueConstraint(*columns, name=quoted_name(name, quote=False))


def _external() -> Column[Any]:
    return Column("external_id", _NAME, unique=True)


def _properties(name: str, owner: str) -> Table:
    table = _table(
        name,
        Column(owner, _INT, primary_key=True),
        Column("name", _NAME, primary_key=True),
        Column("is_custom_property", _FLAG, primary_key=True),
        Column("int_value", _INT),
        Column("double_value", _DOUBLE),
        Column("string_value", _LONG_TEXT),
        Column("byte_value", _BYTES),
        Column("proto_value", _BYTES),
        Column("bool_value", _Plain("BOOLEAN")),
    )
    stem = name.removesuffix("Property").lower()
    for kind in ("int", "double", "string"):
        value = table.c[f"{kind}_value"]
        title = f"idx_{stem}_property_{kind}"
        columns = (table.c.name, table.c.is_custom_property, value)
        Index(title, *columns, sqlite_where=value.is_not(None))
    return table


type_ = _node(
    "Type",
    Column("name", _NAME, nullable=False),
    Column("version", _NAME),
    Column("type_kind", _KIND, nullable=False),
    Column("description", Text),
    Column("input_type", Text),
    Column("output_type", Text),
    _external(),
)
type_property = _table(
    "TypeProperty",
    Column("type_id", _INT, primary_key=True),
    Column("name", _NAME, primary_key=True),
    Column("data_type", _INT),
)
parent_type = _table(
    "ParentType",
    Column("type_id", _INT, primary_key=True),
    Column("parent_type_id", _INT, primary_key=True),
)
artifact = _node(
    "Artifact",
    Column("type_id", _INT, nullable=False),
    Column("uri", Text),
    Column("state", _INT),
    Column("name", _NAME),
    _external(),
    *_times(),
    _unique("type_id", "name", name="UniqueArtifactTypeName"),
)
artifact_property = _properties("ArtifactProperty", "artifact_id")
execution = _node(
    "Execution",
    Column("type_id", _INT, nullable=False),
    Column("last_known_state", _INT),
    Column("name", _NAME),
    _external(),
    *_times(),
    _unique("type_id", "name", name="UniqueExecutionTypeName"),
)
execution_property = _properties("ExecutionProperty", "execution_id")
event = _node(
    "Event",
    Column("artifact_id", _INT, nullable=False),
    Column("execution_id", _INT, nullable=False),
    Column("type", _INT, nullable=False),
    Column("milliseconds_since_epoch", _TIME),
    _unique("artifact_id", "execution_id", "type", name="UniqueEvent"),
)
event_path = _table(
    "EventPath",
    Column("event_id", _INT, nullable=False),
    Column("is_index_step", _FLAG, nullable=False),
    Column("step_index", _INT),
    Column("step_key", Text),
)
environment = _table("MLMDEnv", Column("schema_version", Integer, primary_key=True, nullable=True, autoincrement=False))
context = _node(
    "Context",
    Column("type_id", _INT, nullable=False),
    Column("name", _NAME, nullable=False),
    _external(),
    *_times(),
    UniqueConstraint("type_id", "name"),
)
context_property = _properties("ContextProperty", "context_id")
parent_context = _table(
    "ParentContext",
    Column("context_id", _INT, primary_key=True),
    Column("parent_context_id", _INT, primary_key=True),
)
association = _node(
    "Association",
    Column("context_id", _INT, nullable=False),
    Column("execution_id", _INT, nullable=False),
    UniqueConstraint("context_id", "execution_id"),
)
attribution = _node(
    "Attribution",
    Column("context_id", _INT, nullable=False),
    Column("artifact_id", _INT, nullable=False),
    UniqueConstraint("context_id", "artifact_id"),
)

Index("idx_artifact_uri", artifact.c.uri)
Index("idx_event_execution_id", event.c.execution_id)
Index("idx_eventpath_event_id", event_path.c.event_id)
Index("idx_parentcontext_parent_context_id", parent_context.c.parent_context_id)
Index("idx_type_name", type_.c.name)
for _node_table in (artifact, execution, context):
    for _column in ("create_time_since_epoch", "last_update_time_since_epoch"):
        Index(f"idx_{_node_table.name.lower()}_{_column}", _node_table.c[_column])
for _node_table in (type_, artifact, execution, context):
    Index(f"idx_{_node_table.name.lower()}_external_id", _node_table.c.external_id)
