"""SQLDatasource: tables and queries of a database."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator, Field, PrivateAttr, model_validator

from zenml.data.identity import IdentityMemo
from zenml.data.source_files import source_files
from zenml.data.sql.refresh import Read, checked_refresh, plan_read
from zenml.data.sql.server import Server, url_problem
from zenml.datasources.base import Datasource
from zenml.datasources.files import ColumnType
from zenml.errors import DataError
from zenml.secrets import Secret
from zenml.steps.base import StepContext

if TYPE_CHECKING:
    from zenml.data.schema import LogicalType
    from zenml.data.tables.read import TableRead

_SQLITE = "sqlite:///"
_CODECS = {
    "sqlite": "sqlite/1",
    "postgresql": "postgresql/1",
    "postgres": "postgresql/1",
    "mysql": "mysql/1",
    "mariadb": "mysql/1",
}
"""By scheme, name and version of the code that reads."""


def _checked_url(url: object) -> object:
    # The messages tell no part of the url: it may hold a password.
    scheme, mark, rest = url.partition("://") if isinstance(url, str) else ("", "", "")
    if not mark or scheme not in _CODECS:
        raise ValueError(f"the url begins with none of {', '.join(f'{name}://' for name in _CODECS)}")
    if scheme == "sqlite" and (not rest.startswith("/") or rest == "/"):
        raise ValueError("the url of an SQLite database is sqlite:/// and its path")
    problem = "" if scheme == "sqlite" else url_problem(str(url))
    if problem:
        raise ValueError(problem)
    return url


class SQLDatasource(Datasource):
    """Read a table, a view or a query of a database, in one transaction.

    SQLite: a column has the type of its values: integers, floats (also where integers stand among them), text or
    bytes. A column with values of several types is an error, and so is text that is not UTF-8.

    PostgreSQL (`zenml-core[postgresql]`): workers read ranges of a table's key side by side, all in one exported
    snapshot; a view or query streams once. MySQL and MariaDB (`zenml-core[mysql]`): the rows stream in one transaction
    with a consistent snapshot. Both keep the types of the columns: instants in UTC, times without a zone as they are,
    `tinyint(1)` as boolean, decimals as integers up to 18 digits and as floats up to 15, and json, uuid and enums as
    text. Other types are refused until `types` or the query says how to read them.

    Args:
        url: `sqlite:///` and the path of the database (relative to the repository's root, or absolute); or
            `postgresql://user@host:port/database` or `mysql://user@host:port/database`, with settings of the
            connection as parameters (`?sslmode=verify-full`, `?ssl_ca=…`), and without a password.
        table: name of the table or view, on a server also with its schema before a dot; or else
        query: a SELECT statement, without ORDER BY.
        key: columns that order the rows and tell them apart. Without one a table is read in the order of its row ids
            (SQLite) or of its primary key; a view or query needs one.
        password: the password: `env:NAME`, `file:PATH`, `secret:NAME`, or the password itself, which is then kept in
            the repository's secrets file.
        refresh: when a server is read again, which cannot tell whether its data changed: `always` in each run (the
            same content is still the same version, so the steps after this one stay cached), `never` once it was read,
            or when the last reading is older than an age such as `30m`, `1h` or `7d`.
        types: other types for columns, by name: timestamps are texts in ISO 8601, booleans are 0 and 1.
        tfrecord: also keep the rows as TFRecord files of `tf.Example`.
    """

    CACHE_VERSION = 2
    LOCATING: ClassVar[tuple[str, ...]] = ("url", "password", "refresh")

    url: Annotated[str, BeforeValidator(_checked_url)]
    table: str | None = Field(default=None, min_length=1)
    query: str | None = Field(default=None, min_length=1)
    key: list[str] = Field(default_factory=list)
    password: Secret | None = None
    refresh: Annotated[str, BeforeValidator(checked_refresh)] = "always"
    types: dict[str, ColumnType] = Field(default_factory=dict)
    tfrecord: bool = True

    _memo: IdentityMemo = PrivateAttr(default_factory=IdentityMemo)
    _identity: str = PrivateAttr(default="")
    _read: Read | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.table is None) == (self.query is None):
            raise ValueError("name either a table or a query")
        if self.query is not None and not self.key:
            raise ValueError("a query needs a key: the columns that order its rows and tell them apart")
        if self._in_file and (self.password is not None or self.refresh != "always"):
            raise ValueError("an SQLite database has no password, and its file says itself when it changes: no refresh")
        return self

    @property
    def _scheme(self) -> str:
        return self.url.partition(":")[0]

    @property
    def _in_file(self) -> bool:
        return self._scheme == "sqlite"

    @property
    def _path(self) -> str:
        return self.url.removeprefix(_SQLITE)

    @property
    def _server(self) -> Server:
        # Workers are given the reference, never the password.
        return Server(self.url, self.password.keep(f"{self._secrets_prefix()}.password") if self.password else "")

    @property
    def _place(self) -> str:
        return Server(self.url, "").place

    def identity(self, memo: IdentityMemo | None = None) -> str:
        """Return what stands for the content: of SQLite the digest of the files, of a server a reading.

        With it goes what is read, and the reader's version.
        """
        self._memo = memo or self._memo
        self._identity = self._identify_file() if self._in_file else self._plan().identity
        return self._identity

    def _parts(self) -> dict[str, Any]:
        parameters = self.model_dump(mode="json", include={"table", "query", "key", "types"})
        return {"codec": _CODECS[self._scheme], "parameters": parameters}

    def _plan(self) -> Read:
        self._read = plan_read({**self._parts(), "database": self._place}, self.refresh, self._memo)
        return self._read

    def _identify_file(self) -> str:
        digests = [self._memo.digest(file) for file in source_files(self._path)]
        log = Path(f"{self._path}-wal")
        # What was committed and not yet moved into the database stands in its write-ahead log.
        if log.is_file() and log.stat().st_size:
            digests += [self._memo.digest(file) for file in source_files(str(log))]
        self._memo.save()
        parts = {**self._parts(), "files": digests}
        return f"sha256:{hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()}"

    def local_paths(self) -> list[str]:
        """Return the database where only this machine can read it."""
        if self._in_file:
            return [self._path]
        return [self._place] if Server(self.url, "").only_here else []

    def resolve(self, root: Path) -> Self:
        """Return a copy in which the path of an SQLite database is absolute."""
        if not self._in_file:
            return self
        return self.model_copy(update={"url": f"{_SQLITE}{root / Path(self._path).expanduser()}"})

    def relative_to(self, root: Path) -> Self:
        """Return a copy where the path of an SQLite database is relative to the root it lies in, or else absolute."""
        if not self._in_file:
            return self
        path = Path(os.path.abspath(Path(self._path).expanduser()))  # noqa: PTH100 - resolve() would follow links
        inside = path.is_relative_to(root)
        return self.model_copy(update={"url": f"{_SQLITE}{path.relative_to(root).as_posix() if inside else path}"})

    def run(self, context: StepContext) -> None:
        """Read the rows in one transaction, and keep them as Arrow shards with schema and statistics."""
        from zenml.data.schema import LogicalType
        from zenml.data.splits import cast_messages

        declared = {name: LogicalType(kind) for name, kind in self.types.items()}
        output, report = context.outputs["examples"], context.report
        if self._in_file:
            identity = self._identify_file()
            read = self._keep(declared, context)
            if self._identify_file() != identity or self._identity not in ("", identity):
                raise DataError("the database changed since this run was planned", self._path, "Run again")
        else:
            planned, began = self._read or self._plan(), time.time()
            identity = planned.identity
            read = self._keep(declared, context)
            self._memo.remember_reading(planned.source, identity, began)
            self._read = None
        for message in cast_messages(read.casts):
            report.log(message)
        output.properties.update(splits=read.splits, source_identity=identity, tfrecord_casts=read.casts)

    def _keep(self, declared: Mapping[str, LogicalType], context: StepContext) -> TableRead:
        output, warn = context.outputs["examples"].path, context.report.warn
        what = (self.table or "", self.query or "", tuple(self.key))
        how = (declared, self.tfrecord, output, context.scratch, context.run_job, warn)
        if _CODECS[self._scheme] == "postgresql/1":
            from zenml.data.sql.postgresql.commit import keep_postgresql
            from zenml.data.sql.postgresql.source import PostgreSQLSource

            return keep_postgresql(PostgreSQLSource(self._server, *what), *how)
        from zenml.data.sql.commit import keep_query

        if self._in_file:
            from zenml.data.sql.source import SQLiteQuery

            return keep_query(SQLiteQuery(self._path, *what), *how)
        from zenml.data.sql.mysql.source import MySQLSource

        return keep_query(MySQLSource(self._server, *what), *how)
