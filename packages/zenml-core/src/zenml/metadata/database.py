"""Database: an engine on ML Metadata's schema, its transactions and its types; one subclass per database product."""

from __future__ import annotations

import time
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar, TypeVar

from sqlalchemy import Connection, Engine, Table, insert, literal, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from zenml.errors import StoreError
from zenml.metadata import schema
from zenml.metadata.model import ARTIFACT_PROPERTIES, SIMPLE_TYPES, TYPES, DataType, Field, Kind, artifact_type
from zenml.metadata.patience import Patience
from zenml.metadata.statement import Cursor, Statement

Done = TypeVar("Done")
TypeKey = tuple[Kind, str]

_ALL_TYPES = select(schema.type_.c.id, schema.type_.c.type_kind, schema.type_.c.name).order_by(schema.type_.c.id.desc())
_ADD_TYPE = Statement(insert(schema.type_), ("name", "type_kind"))
_ADD_TYPE_PROPERTY = Statement(insert(schema.type_property), ("type_id", "name", "data_type"))
_VERSIONS = select(schema.environment.c.schema_version)
_ALL_PROPERTIES = select(schema.type_property.c.type_id, schema.type_property.c.name)


class Database(ABC):
    """A database that holds the schema, made on first use.

    A subclass says how its product connects, begins transactions and resolves conflicts, and what its errors mean.

    Args:
        engine: connects to the database.
        where: how to name the database in errors.
        retry_seconds: how long a transaction is tried again before its error is raised.
    """

    taken: ClassVar[type[Exception]]
    """What the driver raises where a unique value is there already."""

    driver_error: ClassVar[type[Exception]]
    """Base of whatever the driver raises."""

    text_bytes: ClassVar[int | None] = None
    """The longest text that a property can hold, in bytes; None for no bound that matters."""

    commits_tables: ClassVar[bool] = False
    """Whether each table that is made is committed at once, and the transaction with it."""

    def __init__(self, engine: Engine, where: str, *, retry_seconds: float = 0.0) -> None:
        self.engine = engine
        self.where = where
        weakref.finalize(self, engine.dispose)  # closes the connections; the engine must not refer to this object
        self.types: dict[TypeKey, int] = {}
        self.opened = False
        self.retry_seconds = retry_seconds

    @abstractmethod
    def begin(self, connection: Connection, *, write: bool) -> None:
        """Begin a transaction that sees one state of the data; one that writes waits here for others that do."""

    @abstractmethod
    def table_names(self, connection: Connection) -> set[str]:
        """Return the names of the tables in the database."""

    @abstractmethod
    def upsert(self, table: Table) -> Statement:
        """Return the statement that inserts a row of a property table, or changes its value where it is there."""

    def now(self, connection: Connection) -> float:
        """Return the time by the database's clock, in seconds since the epoch; a file has that of this machine."""
        return time.time()

    @abstractmethod
    def explain(self, error: BaseException) -> StoreError:
        """Say what went wrong and how to mend it."""

    @abstractmethod
    def lock(self, connection: Connection) -> None:
        """Within a transaction, wait until no other process makes the schema or types."""

    @abstractmethod
    def unlock(self, connection: Connection) -> None:
        """After a transaction, undo `lock` where the end of the transaction has not."""

    def is_transient(self, error: BaseException) -> bool:
        """Say whether the same transaction may succeed when it is tried again; it changed nothing."""
        return False

    def is_lost(self, error: BaseException) -> bool:
        """Say whether the connection is gone, so that nobody knows if what was being committed is recorded."""
        return False

    def transact(self, work: Callable[[Connection, bool], Done], *, write: bool, alone: bool = False) -> Done:
        """Do work in a transaction: committed at the end, undone when it raises.

        It is tried again where another transaction was in its way or the connection was lost, for `retry_seconds`.

        Args:
            work: gets the connection, and whether an earlier try may be recorded: its connection was lost.
            write: whether it may change anything.
            alone: whether it makes tables or types, which one process at a time may do.

        Raises:
            StoreError: the database refused something, or did not come back.
        """
        patience, again = Patience(self.retry_seconds), False
        while True:
            try:
                with self.transaction(write=write, alone=alone) as connection:
                    return work(connection, again)
            except (SQLAlchemyError, self.driver_error) as error:
                cause = (isinstance(error, DBAPIError) and error.orig) or error
                lost = self.opened and self.is_lost(cause)
                if not (lost or self.is_transient(cause)) or not patience.wait():
                    raise self.explain(cause) from error
                if lost:
                    again = True
                    self.engine.dispose()  # the other connections of the pool went with it

    @contextmanager
    def transaction(self, *, write: bool, alone: bool = False) -> Iterator[Connection]:
        """Open one transaction; see `transact`. Errors are the driver's own."""
        with self.engine.connect() as connection:
            self.opened = True
            try:
                self.begin(connection, write=write)
                if alone:
                    self.lock(connection)
                yield connection
                connection.commit()
            except (SQLAlchemyError, self.driver_error) as error:
                cause = (isinstance(error, DBAPIError) and error.orig) or error
                if self.is_lost(cause) and not connection.invalidated:
                    connection.invalidate()
                raise
            finally:
                if alone and not connection.invalidated:
                    self.unlock(connection)

    def prepare(self) -> None:
        """Check the schema, and make it and the types where they are missing.

        Raises:
            StoreError: the database holds something else, or another version of the schema.
        """
        types = self.transact(lambda connection, _: self._complete_types(connection), write=False)
        self.types = types or self.transact(lambda connection, _: self._made_types(connection), write=True, alone=True)

    def add_artifact_types(self, names: Iterable[str]) -> None:
        """Make the artifact types that are not there yet, in a transaction of their own."""
        keys = {(Kind.ARTIFACT, artifact_type(name)) for name in names}
        if keys <= self.types.keys():
            return

        def make(connection: Connection, _: bool) -> dict[TypeKey, int]:
            types = self._read_types(connection)
            for key in sorted(keys - types.keys()):
                _make_type(connection, types, key, ARTIFACT_PROPERTIES)
            return types

        self.types = self.transact(make, write=True, alone=True)

    def _complete_types(self, connection: Connection) -> dict[TypeKey, int] | None:
        """Return the ids of all types, or None when something is missing that `_made_types` makes."""
        if self._is_unmade(connection):
            return None
        types = self._read_types(connection)
        return None if self._lacks(connection, types) else types

    def _made_types(self, connection: Connection) -> dict[TypeKey, int]:
        if self._is_unmade(connection):
            self._make_tables(connection)
        types = self._read_types(connection)
        if self._lacks(connection, types):
            for key, properties in TYPES.items():
                _make_type(connection, types, key, properties)
        return types

    def _read_types(self, connection: Connection) -> dict[TypeKey, int]:
        """Return the ids of all types, the first where a name is there twice."""
        self._check_version(connection, self.table_names(connection))
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
        versions = list(connection.scalars(_VERSIONS))
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

    def _is_unmade(self, connection: Connection) -> bool:
        """Say whether there is no schema yet, or one that a process was making when it ended.

        Where each table is committed by itself, the version is written last.
        """
        tables = {name.lower() for name in self.table_names(connection)}
        ours = {name.lower(): table for name, table in schema.metadata.tables.items()}
        if not tables or not self.commits_tables:
            return not tables
        rows = (select(literal(1)).select_from(ours[name]).limit(1) for name in tables & ours.keys())
        return tables <= ours.keys() and all(connection.scalar(row) is None for row in rows)

    def _make_tables(self, connection: Connection) -> None:
        if self.commits_tables:
            schema.metadata.drop_all(connection)  # those without rows that another process left when it ended
        schema.metadata.create_all(connection, checkfirst=False)
        if self.commits_tables:
            self.begin(connection, write=True)
        types: dict[TypeKey, int] = {}
        for kind, names in SIMPLE_TYPES.items():
            for name in names:
                _make_type(connection, types, (kind, name), {})
        connection.execute(insert(schema.environment), {"schema_version": schema.VERSION})


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
