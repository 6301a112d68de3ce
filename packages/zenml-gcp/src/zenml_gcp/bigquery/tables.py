"""Tables: what the service knows of one before it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from zenml.errors import DataError, closest
from zenml_gcp.bigquery.service import BigQuery
from zenml_gcp.bigquery.trouble import BigQueryError

_STORED = ("TABLE", "SNAPSHOT")
"""Kinds of tables that have rows of their own."""

_PAGE = 1000
_PAST = timedelta(hours=1)


@dataclass(frozen=True)
class TableName:
    """Where a table is.

    Args:
        project: its project.
        dataset: its dataset.
        table: its own name.
    """

    project: str
    dataset: str
    table: str

    def __str__(self) -> str:
        return f"{self.project}.{self.dataset}.{self.table}"

    @property
    def resource(self) -> str:
        """Return its name as a read session is given it."""
        return f"projects/{self.project}/datasets/{self.dataset}/tables/{self.table}"


@dataclass(frozen=True)
class Table:
    """A table that can be read.

    Args:
        name: where it is.
        fields: its columns, as the service describes them.
        version: what changes whenever the table does; empty while rows stream into it, which it does not tell.
        time: a time at which it was as it is in that version; None where that is not known.
    """

    name: TableName
    fields: Sequence[Mapping[str, Any]]
    version: str
    time: datetime | None


def look_up(service: BigQuery, name: TableName) -> Table:
    """Return what the service knows of a table.

    Raises:
        DataError: there is no such table, or it has no rows of its own.
    """
    try:
        found = service.call("GET", name.project, "datasets", name.dataset, "tables", name.table)
    except BigQueryError as error:
        raise _missing(service, name) or error from None
    kind = found.get("type", "TABLE")
    if kind not in _STORED:
        what = f"it is no table with rows of its own ({kind.replace('_', ' ').lower()}), which only a query can read"
        raise DataError(what, service.place, f'Use query="SELECT * FROM `{name}`" instead')  # noqa: S608 - for the user to read
    fields = found.get("schema", {}).get("fields", [])
    if "streamingBuffer" in found:
        return Table(name, fields, "", None)
    changed = int(found["lastModifiedTime"])
    # The time of the change is cut to milliseconds. Any later time will do up to now, and a recent one is always kept;
    # this machine's clock may be an hour fast.
    after = datetime.fromtimestamp((changed + 1) / 1000, UTC)
    version = f"{found.get('creationTime', '')}/{changed}"
    if kind == "SNAPSHOT":  # it never changes, and has no other times
        return Table(name, fields, version, None)
    return Table(name, fields, version, max(after, datetime.now(UTC) - _PAST))


def _missing(service: BigQuery, name: TableName) -> DataError | None:
    """Return the error that names the project, dataset or table that is not there; None where all are."""
    try:
        datasets = _names(service, "dataset", name.project)
        if name.dataset not in datasets:
            mend = closest(name.dataset, datasets) or f"Datasets: {', '.join(datasets) or 'none'}"
            return DataError(f"there is no dataset {name.dataset!r} in project {name.project}", service.place, mend)
        tables = _names(service, "table", name.project, "datasets", name.dataset)
        if name.table not in tables:
            mend = closest(name.table, tables) or f"Tables: {', '.join(tables) or 'none'}"
            what = f"there is no table {name.table!r} in dataset {name.project}.{name.dataset}"
            return DataError(what, service.place, mend)
    except BigQueryError:
        return None
    return None


def _names(service: BigQuery, kind: str, *path: str) -> list[str]:
    names: list[str] = []
    page: dict[str, str | int] = {"maxResults": _PAGE}
    while True:
        found = service.call("GET", *path, f"{kind}s", parameters=page)
        names += [row[f"{kind}Reference"][f"{kind}Id"] for row in found.get(f"{kind}s", [])]
        if "nextPageToken" not in found:
            return names
        page["pageToken"] = found["nextPageToken"]
