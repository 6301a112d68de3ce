"""Snapshot: reads an immutable version of a table, kept as Arrow shards in named splits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypedDict

from zenml.data.schema import Schema
from zenml.data.splits import SCHEMA_FILE, STATISTICS_FILE, shard_name
from zenml.errors import DataError, Problem, closest

if TYPE_CHECKING:
    import pyarrow as pa

    from zenml.data.statistics import TableStatistics


def quarantine_name(number: int) -> str:
    """Return the name of the file with the bad rows of a shard in the snapshot's folder."""
    return f"quarantine/shard-{number:05d}.arrow"


class Stored(Protocol):
    """What `Snapshot.of` needs of a published artifact."""

    @property
    def path(self) -> Path:
        """Return the local folder with its files."""

    @property
    def properties(self) -> dict[str, Any]:
        """Return the facts that its maker left in the manifest."""


class ShardRow(TypedDict):
    """One shard of a snapshot as a shard of a job.

    Args:
        file: absolute path of the Arrow file.
        split: the split it belongs to.
        number: its number in the split.
        rows: its row count.
        first_row: index of its first row in the whole snapshot, splits one after another.
    """

    file: str
    split: str
    number: int
    rows: int
    first_row: int


@dataclass(frozen=True)
class Snapshot:
    """An immutable version of a table.

    Args:
        path: the folder of the artifact.
        properties: its properties, which hold the row counts.
    """

    path: Path
    properties: Mapping[str, Any]

    @classmethod
    def of(cls, stored: Stored) -> Snapshot:
        """Return the reader of a published artifact of examples."""
        return cls(stored.path, stored.properties)

    @cached_property
    def schema(self) -> Schema:
        """Return the columns."""
        return Schema.from_json((self.path / SCHEMA_FILE).read_bytes())

    @property
    def splits(self) -> tuple[str, ...]:
        """Return the names of the splits, sorted."""
        return tuple(sorted(self.properties["splits"]))

    def rows(self, split: str) -> int:
        """Return how many rows a split holds."""
        return sum(self._counts(split))

    def shards(self, split: str) -> list[Path]:
        """Return the Arrow files of a split, in order."""
        return [self.path / shard_name(split, number) for number in range(len(self._counts(split)))]

    def shard_rows(self, splits: Sequence[str] | None = None) -> tuple[ShardRow, ...]:
        """Return the shards of some splits, or of all, as the shards of a job."""
        wanted = self.splits if splits is None else tuple(splits)
        for split in wanted:
            self._counts(split)
        found: list[ShardRow] = []
        first = 0
        for split in self.splits:
            for number, (file, rows) in enumerate(zip(self.shards(split), self._counts(split), strict=True)):
                if split in wanted:
                    found.append(
                        ShardRow(file=str(file.absolute()), split=split, number=number, rows=rows, first_row=first)
                    )
                first += rows
        return tuple(found)

    def batches(self, split: str, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Stream a split's rows in order as memory-mapped record batches.

        Args:
            split: name of the split.
            columns: names of the columns to give, in that order; all by default.

        Raises:
            DataError: no such split or column.
        """
        for name in columns or ():
            self.schema[name]
        for shard in self.shards(split):
            yield from shard_batches(shard, columns)

    def quarantine(self) -> Iterator[pa.RecordBatch]:
        """Stream the bad rows that a datasource kept with `on_bad_rows="quarantine"`, in the order of the source.

        The columns are `file`, `row` (among the file's data rows, from 1), `column` (null where no single one is to
        blame), `reason` and `text` (the row as bytes). The property `bad_rows` holds their count by reason.
        """
        for number, rows in enumerate(self.properties.get("bad_rows", {}).get("quarantine", ())):
            if rows:
                yield from shard_batches(self.path / quarantine_name(number))

    def statistics(self, split: str) -> TableStatistics:
        """Return the statistics of a split's columns."""
        from zenml.data.statistics import TableStatistics

        self._counts(split)
        return TableStatistics.from_json((self.path / split / STATISTICS_FILE).read_bytes())

    def _counts(self, split: str) -> list[int]:
        splits = self.properties["splits"]
        if split not in splits:
            mend = closest(split, splits) or f"Splits: {', '.join(self.splits)}"
            raise DataError(Problem(f"there is no split {split!r}", mend=mend))
        counts: list[int] = splits[split]["shards"]
        return counts


def shard_batches(file: str | Path, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Stream the record batches of one memory-mapped Arrow shard, of all columns or of the named ones in that order."""
    import pyarrow as pa

    with pa.memory_map(str(file)) as source, pa.ipc.open_file(source) as reader:
        for number in range(reader.num_record_batches):
            batch = reader.get_batch(number)
            yield batch if columns is None else batch.select(list(columns))
