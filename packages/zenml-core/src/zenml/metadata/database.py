"""Database: an engine on ML Metadata's schema, its transactions and its types; one subclass per database product."""

from __future__ import annotations

import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar

from sqlalchemy import Connection, Engine, Table, insert, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from zenml.errors import StoreError
from zenml.metadata import schema
from zenml.metadata.model import ARTIFACT_PROPERTIES, SIMPLE_TYPES, TYPES, DataType, Field, Kind, artifact_type
from zenml.metadata.statement import Cursor, Statement

TypeKey = tuple[Kind, str]

_ALL_TYPES = select(schema.type_.c.id, schema.type_.c.type_kind, schema.type_.c.name).order_by(schema.type_.c.id.desc())
_ADD_TYPE = Statement(insert(schema.type_), ("name", "type_kind"))
_ADD_TYPE_PROPERTY = Statement(insert(schema.type_property), ("type_id", "name", "data_type"))
_ALL_PROPERTIES = select(schema.type_property.c.type_id, schema.type_property.c.name)


class Database(ABC):
    """A database that holds the schema, made on first use.

    A subclass says how its product connects, begins transactions and resolves conflicts, and what its errors mean.

    Args:
        engine: connects to the database.
        where: how to name the database in errors.
    """

    taken: ClassVar[type[Exception]]
    """What the driver raises where a unique value is there already."""

    driver_error: ClassVar[type[Exception]]
    """Base of whatever the driver raises."""

    def __init__(self, engine: Engine, where: str) -> None:
        self.engine = engine
        self.where = where
        weakref.finalize(self, engine.dispose)  # closes the connections; the engine must not refer to this object
        self.types: dict[TypeKey, int] = {}

    @abstractmethod
    def begin(self, connection: Connection, *, write: bool) -> None:
        """Begin a transaction that sees one state of the data; one that writes waits here for others that do."""

    @abstractmethod
    def table_names(self, connection: Connection) -> set[str]:
        """Return the names of the tables in the database."""

    @abstractmethod
    def upsert(self, table: Table) -> Statement:
        """Return the statement that inserts a row of a property table, or changes its value where it is there."""

    @abstractmethod
    def explain(self, error: BaseException) -> StoreError:
        """Say what went wrong and how to mend it."""

    @contextmanager
    def transaction(self, *, write: bool) -> Iterator[Connection]:
        """Open a transaction: committed at the end of the block, undone when it raises.

        Raises:
            StoreError: the database refused something.
        """
        try:
            with self.engine.connect() as connection:
                self.begin(connection, write=write)
                yield connection
                connection.commit()
        except (SQLAlchemyError, self.driver_error) as error:
            cause = (isinstance(error, DBAPIError) and error.orig) or error
            raise self.explain(cause) from error

    def prepare(self) -> None:
        """Check the schema, and make it and the types where they are missing.

        Raises:
            StoreError: the database holds something else, or another version of the schema.
        """
        with self.transaction(write=False) as connection:
            types = self._read_types(connection)
            lacks = self._lacks(connection, types)
        if lacks:
            with self.transaction(write=True) as connection:
                types = self._read_types(connection)
                if self._lacks(connection, types):
                    self._make(connection, types)
        self.types = types

    def add_artifact_types(self, names: Iterable[str]) -> None:
        """Make the artifact types that are not there yet, in a transaction of their own."""
        keys = {(Kind.ARTIFACT, artifact_type(name)) for name in names}
        if keys <= self.types.keys():
            return
        with self.transaction(write=True) as connection:
            types = self._read_types(connection)
            for key in sorted(keys - types.keys()):
                _make_type(connection, types, key, ARTIFACT_PROPERTIES)
        self.types = types

    def _read_types(self, connection: Connection) -> dict[TypeKey, int]:
        """Return the ids of all types (the first where a name is there twice), none while there is no schema."""
        tables = self.table_names(connection)
        if not tables:
            return {}
        self._check_version(connection, tables)
        return {(Kind(kind), name): id_ for id_, kind, name in connection.execute(_ALL_TYPES)}

    def _lacks(self, connection: Connection, types: Mapping[TypeKey, int]) -> bool:
        """Say whether a type or a declared property is missing."""
        if not TYPES.keys() <= types.keys():
            return True
        declared = set(connection.execute(_ALL_PROPERTIES))
        return any((types[key], name) not in declared for key, properties in TYPES.items() for name in properties)

    def _check_version(self, connection: Connection, tables: set[str]) -> None:
        missing = {name.lower() for name in schema.metadata.tables} - {name.lower() for name in tables}
        if schema.environment.name.lower() in missing:
            raise StoreError(
                "the database holds tables, but none of ML Metadata", self.where, "Choose an empty or a new database"
            )
        versions = list(connection.scalars(select(schema.environment.c.schema_version)))
        if versions != [schema.VERSION]:
            found = ", ".join(map(str, versions)) or "none"
            raise StoreError(
                f"the database has version {found} of ML Metadata's schema; this ZenML reads and writes version "
                f"{schema.VERSION}",
                self.where,
                "Use another database, or bring this one to that version with ml-metadata; ZenML changes no schema",
            )
        if missing:
            raise StoreError(f"the database lacks the tables {', '.join(sorted(missing))}", self.where)

    def _make(self, connection: Connection, types: dict[TypeKey, int]) -> None:
        if not types:
            schema.metadata.create_all(connection, checkfirst=False)
            connection.execute(insert(schema.environment), {"schema_version": schema.VERSION})
            for kind, names in SIMPLE_TYPES.items():
                for name in names:
                    _make_type(connection, types, (kind, name), {})
        for key, properties in TYPES.items():
            _make_type(connection, types, key, properties)


def _make_type(
    connection: Connection, types: dict[TypeKey, int], key: TypeKey, properties: Mapping[Field, DataType]
) -> None:
    declared: set[str] = set()
    if key in types:
        of_type = schema.type_property.c.type_id == types[key]
        declared = set(connection.scalars(select(schema.type_property.c.name).where(of_type)))
    else:
        kind, name = key
        types[key] = _ADD_TYPE.insert(Cursor(connection), name=name, type_kind=kind.value)
    rows = [
        {"type_id": types[key], "name": str(name), "data_type": data_type.value}
        for name, data_type in properties.items()
        if name not in declared
    ]
    _ADD_TYPE_PROPERTY.run_many(Cursor(connection), rows)
