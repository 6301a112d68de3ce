"""DataVersion: an immutable version of the data of a datasource."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zenml.datasources.base import SPLIT
from zenml.errors import ConfigError, StoreError

if TYPE_CHECKING:
    import pyarrow as pa

    from zenml.artifacts.store import ArtifactStore
    from zenml.data.pinned_schema import PinnedSchema
    from zenml.data.schema import Schema
    from zenml.data.snapshot import Snapshot
    from zenml.data.statistics import TableStatistics
    from zenml.datasources.data_repository import ShownPage

_ALGORITHM = "sha256:"
_SHORT = 12


@dataclass(frozen=True)
class DataVersion:
    """A version of a datasource's data: immutable, and the same wherever the content is the same.

    Args:
        name: what the data are called.
        digest: content digest, `sha256:…`; it is the version.
        uri: where it is kept.
        type: the type of the datasource that read it.
        run: the newest run that read it.
        committed: when it was first read, in seconds since the epoch.
    """

    name: str
    digest: str
    uri: str
    type: str
    run: str
    committed: float | None
    _store: ArtifactStore = field(repr=False, compare=False)

    @property
    def short(self) -> str:
        """The first twelve digits of the digest, which name the version as well."""
        return self.digest.removeprefix(_ALGORITHM)[:_SHORT]

    @property
    def elsewhere(self) -> bool:
        """Whether it is kept in another artifact store than the one that the repository uses."""
        return not self._store.holds(self.uri)

    @property
    def rows(self) -> int:
        """How many rows it has.

        Raises:
            StoreError: the data are no longer in the repository's artifact store.
        """
        return self._snapshot.rows(SPLIT)

    @property
    def schema(self) -> Schema:
        """Its columns: names, logical types and shapes, in order.

        Raises:
            StoreError: the data are no longer in the repository's artifact store.
        """
        return self._snapshot.schema

    @property
    def statistics(self) -> TableStatistics:
        """The summary of its columns.

        Raises:
            StoreError: the data are no longer in the repository's artifact store.
        """
        return self._snapshot.statistics(SPLIT)

    def sample_data(self, n: int = 10, *, columns: Sequence[str] | None = None) -> pa.Table:
        """Return the first rows; no others are read.

        Args:
            n: how many; all where there are fewer.
            columns: names of the columns to give, in that order; all by default.

        Returns:
            An Arrow table of min(n, rows) rows; `.to_pandas()` makes it a pandas data frame, `.to_pylist()` plain
            Python objects.

        Raises:
            ConfigError: `n` is no count.
            DataError: there is no such column.
            StoreError: the data are no longer in the repository's artifact store.
        """
        import pyarrow as pa

        left = _count(n)
        names = self.schema.names if columns is None else tuple(columns)
        kinds = {feature.name: feature.type.arrow for feature in (self.schema[name] for name in names)}
        batches: list[pa.RecordBatch] = []
        for batch in self._snapshot.batches(SPLIT, names) if left else ():
            batches.append(batch.slice(0, left))
            left -= batches[-1].num_rows
            if not left:
                break
        return pa.Table.from_batches(batches, None if batches else pa.schema(list(kinds.items())))

    def bad_rows(self) -> pa.Table:
        """Return the rows that were left out and kept aside, where the datasource has `on_bad_rows="quarantine"`.

        Returns:
            An Arrow table with the columns `file`, `row` (among the file's data rows, from 1), `column` (null where no
            single one is to blame), `reason` and `text` (the row as bytes), in the order of the source.

        Raises:
            StoreError: the data are no longer in the repository's artifact store.
        """
        import pyarrow as pa

        from zenml.data.tables.quarantine import SCHEMA

        return pa.Table.from_batches(self._snapshot.quarantine(), SCHEMA)

    def view_schema(self) -> PinnedSchema:
        """Return what its columns are like: types, shares of cells with a value, domains of few values.

        Raises:
            StoreError: the data are no longer in the repository's artifact store.
        """
        from zenml.data.pinned_schema import PinnedSchema

        return PinnedSchema.infer(self.statistics)

    def view_statistics(self, compare: DataVersion | None = None, path: str | Path | None = None) -> ShownPage:
        """Write an HTML page that shows its columns, beside those of another version where one is given.

        Args:
            compare: a version to show on the left of this one; differences are pointed out.
            path: the file to write; by default one below `.zenml/reports/`.

        Returns:
            The page, which shows itself in a notebook; `page.open()` shows it in a browser.

        Raises:
            StoreError: the data are no longer in the repository's artifact store.
        """
        from zenml.datasources.data_repository import data_repository

        shown = [self] if compare is None or compare.digest == self.digest else [compare, self]
        tables = {version.short: version.statistics for version in shown}
        file = f"{'-'.join(tables)}-statistics.html"
        return data_repository().write_statistics(f"{self.name}: statistics", tables, file, path)

    def to_json(self) -> dict[str, Any]:
        """Return the version as JSON types; `rows` is None where the data are no longer there."""
        try:
            rows = self.rows
        except StoreError:
            rows = None
        return {
            "digest": self.digest,
            "rows": rows,
            "type": self.type,
            "committed": None if self.committed is None else _moment(self.committed).isoformat(timespec="seconds"),
            "run": self.run,
            "uri": self.uri,
        }

    @property
    def _snapshot(self) -> Snapshot:
        from zenml.data.snapshot import Snapshot

        return Snapshot.of(self._store.open(self.uri))


def _count(n: int) -> int:
    """Return a number of rows, which may be of any type of integers."""
    try:
        count = -1 if isinstance(n, bool) else operator.index(n)
    except TypeError:
        count = -1
    if count < 0:
        raise ConfigError(f"n is a number of rows, 0 or more, got {n!r}", "sample_data")
    return count


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
