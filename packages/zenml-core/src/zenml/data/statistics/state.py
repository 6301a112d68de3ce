"""TableState: mergeable statistics of all columns of a table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import pyarrow as pa

from zenml.data.hashing import row_hashes
from zenml.data.schema import Feature, Schema
from zenml.data.shards import State
from zenml.data.statistics._column import ColumnState
from zenml.data.statistics._list_column import ListColumnState
from zenml.data.statistics.summary import TableStatistics

SAMPLE = 16_384
"""Rows in the sample for quantiles and histograms; up to so many values these are exact, beyond to 0.4 % of rank."""

_LEAST = 1_024


def sample_size(shards: int) -> int:
    """Return how many values each of `shards` shards keeps so that their union still holds a full sample.

    Shards of about one size each own their equal part of the smallest hashes; four times that part is kept, so that
    the states of many shards stay small together. Where a shard has more of them, the sample says so and shrinks.
    """
    return min(SAMPLE, max(4 * SAMPLE // max(1, shards), _LEAST))


class TableState:
    """Statistics of a table in the making: `update` with its batches, `merge` with the next shard, read the `result`.

    Args:
        schema: the columns.
        shard: number of the shard; with the row's number in it, it seeds the sample.
        size: values that the sample holds, see `sample_size`.
    """

    def __init__(self, schema: Schema, shard: int = 0, size: int = SAMPLE) -> None:
        self.schema = schema
        self.shard = shard
        self.rows = 0
        self._columns: list[Any] = [_state_of(feature)(feature, size) for feature in schema]

    def update(self, batch: pa.RecordBatch) -> None:
        """Add a batch of the schema's columns."""
        hashes = row_hashes(self.shard, self.rows, batch.num_rows)
        self.rows += batch.num_rows
        for column, array in zip(self._columns, batch.columns, strict=True):
            column.update(array, hashes)

    def merge(self, other: Self) -> None:
        """Add the state of the next shard."""
        self.rows += other.rows
        for column, more in zip(self._columns, other._columns, strict=True):
            column.merge(more)

    def result(self) -> TableStatistics:
        """Return the summary."""
        return TableStatistics(self.rows, tuple(column.result() for column in self._columns))

    def to_state(self) -> State:
        """Return what a shard sends to the fold."""
        return {"rows": self.rows, "columns": [column.to_state() for column in self._columns]}

    @classmethod
    def from_state(cls, schema: Schema, state: State) -> Self:
        """Read what `to_state` gave."""
        table = cls(schema)
        table.rows = state["rows"]
        table._columns = [
            _state_of(feature).from_state(feature, SAMPLE, column)
            for feature, column in zip(schema, state["columns"], strict=True)
        ]
        return table

    @classmethod
    def fold(cls, schema: Schema, states: Iterable[State]) -> Self:
        """Merge the states of all shards, given in shard order."""
        whole = cls(schema)
        for state in states:
            whole.merge(cls.from_state(schema, state))
        return whole


def _state_of(feature: Feature) -> type[ColumnState] | type[ListColumnState]:
    return ListColumnState if feature.shape else ColumnState
