"""SQLDatasource: tables and queries of a database."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import Field, PrivateAttr, model_validator

from zenml.data.identity import IdentityMemo
from zenml.data.source_files import source_files
from zenml.datasources.base import Datasource
from zenml.datasources.files import ColumnType
from zenml.errors import DataError
from zenml.steps.base import StepContext

if TYPE_CHECKING:
    from zenml.data.sql.source import SQLiteQuery

_SQLITE = "sqlite:///"


class SQLDatasource(Datasource):
    """Read a table, a view or a query of an SQLite database, in one transaction.

    A column has the type of its values: integers, floats (also where integers stand among them), text or bytes.
    A column with values of several types is an error, and so is text that is not UTF-8.

    Args:
        url: `sqlite:///` and the path of the database (relative to the repository's root, or absolute).
        table: name of the table or view; or else
        query: a SELECT statement, without ORDER BY.
        key: columns that order the rows and tell them apart. A table without one is read in the order of its row ids;
            a view or query needs one.
        types: other types for columns, by name: timestamps are texts in ISO 8601, booleans are 0 and 1.
        tfrecord: also keep the rows as TFRecord files of `tf.Example`.
    """

    CACHE_VERSION = 1
    LOCATING: ClassVar[tuple[str, ...]] = ("url",)

    url: str = Field(pattern=r"^sqlite:///.+")
    table: str | None = Field(default=None, min_length=1)
    query: str | None = Field(default=None, min_length=1)
    key: list[str] = Field(default_factory=list)
    types: dict[str, ColumnType] = Field(default_factory=dict)
    tfrecord: bool = True

    _memo: IdentityMemo = PrivateAttr(default_factory=IdentityMemo)
    _identity: str = PrivateAttr(default="")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.table is None) == (self.query is None):
            raise ValueError("name either a table or a query")
        if self.query is not None and not self.key:
            raise ValueError("a query needs a key: the columns that order its rows and tell them apart")
        return self

    @property
    def _path(self) -> str:
        return self.url.removeprefix(_SQLITE)

    def identity(self, memo: IdentityMemo | None = None) -> str:
        """Return the digest of the database's files, of what is read from it, and of the reader's version."""
        self._memo = memo or self._memo
        self._identity = self._identify()
        return self._identity

    def _identify(self) -> str:
        digests = [self._memo.digest(file) for file in source_files(self._path)]
        log = Path(f"{self._path}-wal")
        # What was committed and not yet moved into the database stands in its write-ahead log.
        if log.is_file() and log.stat().st_size:
            digests += [self._memo.digest(file) for file in source_files(str(log))]
        self._memo.save()
        parameters = self.model_dump(mode="json", include={"table", "query", "key", "types"})
        parts = {"codec": "sqlite/1", "parameters": parameters, "files": digests}
        return f"sha256:{hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()}"

    def local_paths(self) -> list[str]:
        """Return the database."""
        return [self._path]

    def resolve(self, root: Path) -> Self:
        """Return a copy with an absolute path."""
        return self.model_copy(update={"url": f"{_SQLITE}{root / Path(self._path).expanduser()}"})

    def relative_to(self, root: Path) -> Self:
        """Return a copy whose path is relative to the root where it lies inside, else absolute."""
        path = Path(os.path.abspath(Path(self._path).expanduser()))  # noqa: PTH100 - resolve() would follow links
        inside = path.is_relative_to(root)
        return self.model_copy(update={"url": f"{_SQLITE}{path.relative_to(root).as_posix() if inside else path}"})

    def _source(self) -> SQLiteQuery:
        from zenml.data.sql.source import SQLiteQuery

        return SQLiteQuery(self._path, self.table or "", self.query or "", tuple(self.key))

    def run(self, context: StepContext) -> None:
        """Read the rows in one transaction, and keep them as Arrow shards with schema and statistics."""
        from zenml.data.schema import LogicalType
        from zenml.data.splits import cast_messages
        from zenml.data.sql.commit import keep_query

        output, report = context.outputs["examples"], context.report
        identity = self._identify()
        declared = {name: LogicalType(kind) for name, kind in self.types.items()}
        source = self._source()
        read = keep_query(source, declared, self.tfrecord, output.path, context.scratch, context.run_job, report.warn)
        if self._identify() != identity or self._identity not in ("", identity):
            raise DataError("the database changed since this run was planned", self._path, "Run again")
        for message in cast_messages(read.casts):
            report.log(message)
        output.properties.update(splits=read.splits, source_identity=identity, tfrecord_casts=read.casts)
