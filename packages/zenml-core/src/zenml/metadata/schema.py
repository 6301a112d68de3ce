"""ML Metadata's database schema, version 10, as SQLAlchemy tables: used as it is, no table, column or index more."""

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
from sqlalchemy.types import UserDefinedType

VERSION = 10


class _Plain(UserDefinedType[Any]):
    """A column type written exactly as given; values pass through unchanged."""

    cache_ok = True

    def __init__(self, spec: str) -> None:
        self.spec = spec

    def get_col_spec(self, **_: Any) -> str:
        """Return the type's name in a CREATE TABLE statement."""
        return self.spec


_INT = _Plain("INT")
_FLAG = _Plain("TINYINT(1)")
_NAME = String(255)

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


def _key() -> Column[Any]:
    return Column("id", Integer, primary_key=True, nullable=True)


def _times() -> list[Column[Any]]:
    zero = text("0")
    names = ("create_time_since_epoch", "last_update_time_since_epoch")
    return [Column(name, _INT, nullable=False, server_default=zero) for name in names]


def _node(name: str, *columns: Column[Any] | UniqueConstraint) -> Table:
    return Table(name, metadata, _key(), *columns, sqlite_autoincrement=True)


def _external() -> Column[Any]:
    return Column("external_id", _NAME, unique=True)


def _properties(name: str, owner: str) -> Table:
    table = Table(
        name,
        metadata,
        Column(owner, _INT, primary_key=True),
        Column("name", _NAME, primary_key=True),
        Column("is_custom_property", _FLAG, primary_key=True),
        Column("int_value", _INT),
        Column("double_value", _Plain("DOUBLE")),
        Column("string_value", Text),
        Column("byte_value", LargeBinary),
        Column("proto_value", LargeBinary),
        Column("bool_value", _Plain("BOOLEAN")),
    )
    stem = name.removesuffix("Property").lower()
    for kind in ("int", "double", "string"):
        value = table.c[f"{kind}_value"]
        title = f"idx_{stem}_property_{kind}"
        Index(title, table.c.name, table.c.is_custom_property, value, sqlite_where=value.is_not(None))
    return table


type_ = _node(
    "Type",
    Column("name", _NAME, nullable=False),
    Column("version", _NAME),
    Column("type_kind", _FLAG, nullable=False),
    Column("description", Text),
    Column("input_type", Text),
    Column("output_type", Text),
    _external(),
)
type_property = Table(
    "TypeProperty",
    metadata,
    Column("type_id", _INT, primary_key=True),
    Column("name", _NAME, primary_key=True),
    Column("data_type", _INT),
)
parent_type = Table(
    "ParentType",
    metadata,
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
    UniqueConstraint("type_id", "name"),
)
artifact_property = _properties("ArtifactProperty", "artifact_id")
execution = _node(
    "Execution",
    Column("type_id", _INT, nullable=False),
    Column("last_known_state", _INT),
    Column("name", _NAME),
    _external(),
    *_times(),
    UniqueConstraint("type_id", "name"),
)
execution_property = _properties("ExecutionProperty", "execution_id")
event = _node(
    "Event",
    Column("artifact_id", _INT, nullable=False),
    Column("execution_id", _INT, nullable=False),
    Column("type", _INT, nullable=False),
    Column("milliseconds_since_epoch", _INT),
    UniqueConstraint("artifact_id", "execution_id", "type"),
)
event_path = Table(
    "EventPath",
    metadata,
    Column("event_id", _INT, nullable=False),
    Column("is_index_step", _FLAG, nullable=False),
    Column("step_index", _INT),
    Column("step_key", Text),
)
environment = Table("MLMDEnv", metadata, Column("schema_version", Integer, primary_key=True, nullable=True))
context = _node(
    "Context",
    Column("type_id", _INT, nullable=False),
    Column("name", _NAME, nullable=False),
    _external(),
    *_times(),
    UniqueConstraint("type_id", "name"),
)
context_property = _properties("ContextProperty", "context_id")
parent_context = Table(
    "ParentContext",
    metadata,
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
for _table in (artifact, execution, context):
    for _column in ("create_time_since_epoch", "last_update_time_since_epoch"):
        Index(f"idx_{_table.name.lower()}_{_column}", _table.c[_column])
for _table in (type_, artifact, execution, context):
    Index(f"idx_{_table.name.lower()}_external_id", _table.c.external_id)
