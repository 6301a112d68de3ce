"""Counts: how often each value of a column occurs, exactly."""

from __future__ import annotations

from itertools import pairwise
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from zenml.data.shards import State
from zenml.data.statistics._moments import Moments
from zenml.data.transforms.values import ARROW, Value, ValueType

_LOOSE = 1 << 20
"""So many values may wait before they are counted together."""


class Counts:
    """Exact counts of values; they take memory by the number of distinct values, 16 bytes for each number.

    Args:
        kind: type of the values.
    """

    def __init__(self, kind: ValueType) -> None:
        self.kind = kind
        self._parts: list[tuple[pa.Array, npt.NDArray[np.int64]]] = []
        self._loose = 0

    @classmethod
    def of(cls, kind: ValueType, values: pa.Array, counts: npt.NDArray[np.int64]) -> Self:
        """Make counts of values that may repeat."""
        made = cls(kind)
        made._add(values, counts)
        return made

    def update(self, array: pa.Array) -> None:
        """Count the values of an array without nulls."""
        if self.kind is ValueType.FLOAT:
            array = pa.array(array.to_numpy() + 0.0)  # so that -0.0 and 0.0 are one value
        counted = array.value_counts()
        self._add(counted.field("values"), counted.field("counts").to_numpy())

    def merge(self, other: Counts) -> None:
        """Add what another one counted; the order does not matter."""
        for values, counts in other._parts:
            self._add(values, counts)

    def _add(self, values: pa.Array, counts: npt.NDArray[np.int64]) -> None:
        if not len(values):
            return
        self._parts.append((values, counts))
        self._loose += len(values)
        if self._loose > _LOOSE and len(self._parts) > 1:
            self._parts = [self._summed()]
            # What is left counts for nothing, or a column of distinct values would be summed up again at every batch.
            self._loose = -len(self._parts[0][0])

    def _summed(self) -> tuple[pa.Array, npt.NDArray[np.int64]]:
        """Return the values in ascending order, each once, and their counts."""
        if not self._parts:
            return pa.array([], ARROW[self.kind]), np.empty(0, np.int64)
        values = pa.concat_arrays([part for part, _ in self._parts])
        counts = np.concatenate([part for _, part in self._parts])
        if len(self._parts) > 1 or len(values.unique()) < len(values):
            table = pa.table({"value": values, "count": counts}).group_by("value").aggregate([("count", "sum")])
            values, counts = table["value"].combine_chunks(), table["count_sum"].to_numpy()
        order = pc.array_sort_indices(values)
        return values.take(order), counts[order.to_numpy()]

    def result(self) -> tuple[pa.Array, npt.NDArray[np.int64]]:
        """Return the values in ascending order (text by code points), and how often each occurs."""
        if len(self._parts) != 1 or self._loose >= 0:
            self._parts = [self._summed()]
            self._loose = -len(self._parts[0][0])
        return self._parts[0]

    def mode(self) -> Value | None:
        """Return the value that occurs most often, of several the smallest."""
        values, counts = self.result()
        if not len(values):
            return None
        value: Value = values[int(np.argmax(counts))].as_py()
        return value

    def median(self) -> float | None:
        """Return the middle value, or the mean of the two middle ones."""
        values, counts = self.result()
        if not len(values):
            return None
        ends = np.cumsum(counts)
        total = int(ends[-1])
        places = np.searchsorted(ends, [(total - 1) // 2, total // 2], "right")
        low, high = (values[place].as_py() for place in places.tolist())
        middle = (low + high) / 2
        return float(middle if np.isfinite(middle) else low / 2 + high / 2)

    def moments(self) -> Moments:
        """Return the moments of numbers from their counts."""
        values, counts = self.result()
        moments = Moments()
        if len(values):
            numbers = np.asarray(values.cast(pa.float64(), safe=False))
            moments.count = int(counts.sum())
            moments.low, moments.high = values[0].as_py(), values[len(values) - 1].as_py()
            moments.mean = float(numbers @ counts / moments.count) if len(numbers) > 1 else float(numbers[0])
            moments.squares = float(((numbers - moments.mean) ** 2 * counts).sum())
        return moments

    def to_state(self) -> State:
        """Return the counts as a state; text as its bytes and borders."""
        values, counts = self.result()
        if self.kind is ValueType.STRING:
            texts = [text.encode() for text in values.to_pylist()]
            borders = np.cumsum([0, *map(len, texts)], dtype=np.int64)
            return {"text": np.frombuffer(b"".join(texts), np.uint8), "borders": borders, "counts": counts}
        numbers = values.cast(pa.uint8()) if self.kind is ValueType.BOOLEAN else values
        return {"numbers": numbers.to_numpy(), "counts": counts}

    @classmethod
    def from_state(cls, kind: ValueType, state: State) -> Self:
        """Read what `to_state` gave."""
        if kind is ValueType.STRING:
            borders = np.asarray(state["borders"]).tolist()
            data = np.asarray(state["text"]).tobytes()
            values = pa.array([data[start:stop].decode() for start, stop in pairwise(borders)], pa.utf8())
        else:
            values = pa.array(np.asarray(state["numbers"])).cast(ARROW[kind])
        return cls.of(kind, values, np.asarray(state["counts"], np.int64))
