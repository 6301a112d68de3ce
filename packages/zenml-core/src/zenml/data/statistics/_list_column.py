"""ListColumnState: what is kept of a column of lists: how long they are, and the statistics of all their values."""

from __future__ import annotations

from dataclasses import replace
from typing import Self

import numpy as np
import pyarrow as pa

from zenml.data.hashing import Hashes, mix
from zenml.data.lists import Lists
from zenml.data.schema import Feature
from zenml.data.shards import State
from zenml.data.statistics._column import ColumnState
from zenml.data.statistics._moments import Moments
from zenml.data.statistics.summary import ColumnStatistics, ListFigures


class ListColumnState:
    """Mergeable statistics of one column of lists, with the methods of a `ColumnState`."""

    def __init__(self, feature: Feature, size: int) -> None:
        self.feature = feature
        self.rows = 0
        self.missing = 0
        self.lengths = Moments()
        self.values = ColumnState(Feature(feature.name, feature.type.element), size)

    def update(self, array: pa.Array, hashes: Hashes) -> None:
        """Add a batch's lists, with the hashes of its rows."""
        lists = Lists.of(array)
        there = lists.counts if lists.missing is None else lists.counts[~lists.missing]
        self.rows += len(array)
        self.missing += len(array) - len(there)
        self.lengths.update(there)
        # A value is drawn by its row's hash and its place in the list.
        place = np.arange(len(lists.values)) - np.repeat(lists.offsets[:-1], lists.counts)
        self.values.update(lists.values, mix(np.repeat(hashes, lists.counts) + place.astype(np.uint64)))

    def merge(self, other: Self) -> None:
        """Add the next shard's state of the same column."""
        self.rows += other.rows
        self.missing += other.missing
        self.lengths.merge(other.lengths)
        self.values.merge(other.values)

    def to_state(self) -> State:
        """Return the state of the column."""
        return {
            "rows": self.rows,
            "missing": self.missing,
            "lengths": self.lengths.to_state(),
            "values": self.values.to_state(),
        }

    @classmethod
    def from_state(cls, feature: Feature, size: int, state: State) -> Self:
        """Read what `to_state` gave."""
        column = cls(feature, size)
        column.rows, column.missing = state["rows"], state["missing"]
        column.lengths = Moments.from_state(state["lengths"])
        column.values = ColumnState.from_state(column.values.feature, size, state["values"])
        return column

    def result(self) -> ColumnStatistics:
        """Return the summary of the column."""
        values, lengths = self.values.result(), self.lengths
        figures = ListFigures(lengths.mean, int(lengths.low or 0), int(lengths.high or 0), values.count, values.missing)
        return replace(
            values, type=self.feature.type, count=self.rows - self.missing, missing=self.missing, lists=figures
        )
