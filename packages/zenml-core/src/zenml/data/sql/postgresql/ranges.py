"""Ranges: a table of PostgreSQL cut by its key into shards, which workers read in one exported snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa

from zenml.data.shards import RunJob
from zenml.data.sql import commit
from zenml.data.sql.cells import refuse_cells
from zenml.data.sql.key_check import told_key
from zenml.data.sql.postgresql.session import connect, literal
from zenml.data.sql.postgresql.source import OpenSource, read
from zenml.data.sql.reading import KEY
from zenml.data.sql.server import Server
from zenml.data.sql.trimming import trimmed
from zenml.data.tables.read import TableRead
from zenml.data.tables.writing import TableJob, WriteTable
from zenml.errors import DataError


class ReadRange(WriteTable):
    """Write one shard from a range of a table's key.

    Params besides those of `WriteTable`: `server` (with a reference to the password, never the password), `place`,
    `snapshot`, `key`. Shards: `statement`, and `first`, how many rows of the table come before.
    """

    def read(self, shard: Mapping[str, Any]) -> Iterator[pa.RecordBatch]:
        """Yield the rows of the range."""
        with connect(Server(**self.params["server"]), self.params["place"]) as session:
            session.begin(self.params["snapshot"])
            yield from map(trimmed, read(session, shard["statement"], self.params["key"], shard["first"]))


def keep_ranges(found: OpenSource, tfrecord: bool, out: Path, run_job: RunJob) -> TableRead:
    """Write the snapshot of a table into `out`, while the transaction is open.

    Args:
        found: the table; workers join its transaction's snapshot.
        tfrecord: whether to write TFRecord copies.
        out: the snapshot's folder.
        run_job: runs a job on the step's engine.

    Raises:
        DataError: a row has no key; the rows cannot be read or kept.
    """
    session, source = found.session, found.source
    size = found.relation.size if found.relation else 0
    ((snapshot,),) = session.rows("SELECT pg_export_snapshot()")
    shards = [
        {"number": number, "first": number * commit.ROWS, "statement": found.statement(where)}
        for number, where in enumerate(_conditions(found))
    ]
    params = {"server": asdict(source.server), "place": source.place, "snapshot": snapshot, "key": list(found.key)}
    job = TableJob(
        "zenml.data.sql.postgresql.ranges:ReadRange", shards, found.schema, params, tfrecord, "read rows", size
    )
    return job.write(out, run_job, lambda states: refuse_cells(source.place, states))


def _conditions(found: OpenSource) -> list[str]:
    """Return a condition for each shard: every so many rows begins one, whatever the number of workers."""
    session, key = found.session, found.key_columns
    empty = " OR ".join(f"{column.sql} IS NULL" for column in key)
    ((rows, without),) = session.rows(f"SELECT count(*), count(*) FILTER (WHERE {empty}) FROM {found.origin}")  # noqa: S608 - the user's own table
    if without:
        values = ", ".join(f"{column.sql}::text" for column in key)
        (row,) = session.rows(f"SELECT {values} FROM {found.origin} WHERE {empty} LIMIT 1")  # noqa: S608 - see above
        what = f"{without} rows have no value in their key, such as ({told_key(found.key, row)})"
        raise DataError(what, found.source.place, f"{KEY}: key=[…]")
    if not rows:
        raise DataError("there is no row", found.source.place)
    borders = _borders(found) if rows > commit.ROWS else []
    after = ["", *(f"{_tuple(found)} >= {border}" for border in borders)]
    before = [*(f"{_tuple(found)} < {border}" for border in borders), ""]
    return [" AND ".join(filter(None, pair)) for pair in zip(after, before, strict=True)]


def _borders(found: OpenSource) -> list[str]:
    """Return the key of each row that begins a shard, but for the first."""
    key = found.key_columns
    names = [f"k{place}" for place in range(len(key))]
    values = ", ".join(f"{column.sql}::text AS {name}" for column, name in zip(key, names, strict=True))
    numbered = f"SELECT {values}, row_number() OVER (ORDER BY {found.order}) AS n FROM {found.origin}"  # noqa: S608 - the user's own table
    chosen = f"n > 1 AND n % {commit.ROWS} = {1 % commit.ROWS}"
    rows = found.session.rows(f"SELECT {', '.join(names)} FROM ({numbered}) numbered WHERE {chosen} ORDER BY n")  # noqa: S608 - see above
    return [_row([f"{literal(text)}::{column.written}" for text, column in zip(row, key, strict=True)]) for row in rows]


def _tuple(found: OpenSource) -> str:
    return _row([column.sql for column in found.key_columns])


def _row(values: Sequence[str]) -> str:
    return values[0] if len(values) == 1 else f"({', '.join(values)})"
