"""Distinct: how often each value occurs while there are few values, and how many values there are when many."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from zenml.data.hashing import Hashes, bytes_hashes, number_hashes
from zenml.data.shards import State

Counts = npt.NDArray[np.int64]

_WHOLE = float(1 << 64)


class Distinct:
    """Exact counts of each value up to `LIMIT` distinct ones (1 MiB of text); then only their number is estimated.

    The estimate is the k-minimum-values one: of the k smallest hashes of distinct values the largest tells how dense
    they lie (Bar-Yossef et al., 2002). Its standard error is 1 / sqrt(LIMIT - 2), 1.6 %. Hashes are fixed, and the
    smallest ones of a whole are among the smallest ones of its parts, so it depends on no order.

    Args:
        kind: Arrow type of the values.
    """

    LIMIT = 4096
    TEXT = 1 << 20

    def __init__(self, kind: pa.DataType) -> None:
        self._kind = kind
        self._values: list[pa.Array] = []
        self._counts: list[Counts] = []
        self._smallest: Hashes | None = None
        self._pending: list[Hashes] = []
        self._waiting = 0

    @property
    def exact(self) -> bool:
        """Say whether every value is counted."""
        self._settle()
        return self._smallest is None

    @property
    def count(self) -> int:
        """Return the number of distinct values, exact or estimated."""
        self._settle()
        if self._smallest is None:
            return sum(map(len, self._values))
        if len(self._smallest) < self.LIMIT:
            return len(self._smallest)
        return round((self.LIMIT - 1) / (float(self._smallest[-1]) / _WHOLE))

    def top(self, count: int) -> list[tuple[Any, int]] | None:
        """Return the most frequent values with their counts, or None where there are too many values to count."""
        if not self.exact:
            return None
        found = [
            pair
            for values, counts in zip(self._values, self._counts, strict=True)
            for pair in zip(values.to_pylist(), counts.tolist(), strict=True)
        ]
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))[:count]

    def update(self, array: pa.Array) -> None:
        """Add the cells of an array without nulls."""
        if self._smallest is not None:
            self._add(_hashes(array))
        # The first cells often show that there are too many values, and counting all would cost much more.
        elif len(array.slice(0, 2 * self.LIMIT).unique()) > self.LIMIT:
            self._overflow()
            self._add(_hashes(array))
        else:
            found = pc.value_counts(array)
            self._count(found.field("values"), found.field("counts").to_numpy())

    def merge(self, other: Self) -> None:
        """Add what another one counted."""
        if other._smallest is not None:
            self._overflow()
            for hashes in (other._smallest, *other._pending):
                self._add(hashes)
        for values, counts in zip(other._values, other._counts, strict=True):
            if self._smallest is None:
                self._count(values, counts)
            else:
                self._add(_hashes(values))

    def _count(self, values: pa.Array, counts: Counts) -> None:
        if pa.types.is_floating(values.type):
            values = pa.array(values.to_numpy(zero_copy_only=False) + 0.0)  # which turns -0.0 into 0.0
        self._values.append(values)
        self._counts.append(counts)
        if sum(map(len, self._values)) > 2 * self.LIMIT:
            self._settle()

    def _settle(self) -> None:
        """Merge what was added since."""
        if self._smallest is not None:
            if self._pending:
                hashes = np.sort(np.concatenate((self._smallest, *self._pending)))
                fresh = np.ones(len(hashes), bool)
                np.not_equal(hashes[1:], hashes[:-1], out=fresh[1:])
                self._smallest = hashes[fresh][: self.LIMIT]
                self._pending, self._waiting = [], 0
            return
        if not self._values:
            return
        table = pa.table({"value": pa.concat_arrays(self._values), "count": np.concatenate(self._counts)})
        merged = table.group_by("value", use_threads=False).aggregate([("count", "sum")])
        values = merged.column("value").combine_chunks()
        self._values, self._counts = [values], [merged.column("count_sum").to_numpy()]
        if len(values) > self.LIMIT or _text_bytes(values) > self.TEXT:
            self._overflow()

    def _overflow(self) -> None:
        if self._smallest is None:
            self._smallest = np.empty(0, np.uint64)
            for values in self._values:
                self._add(_hashes(values))
            self._values, self._counts = [], []

    def _add(self, hashes: Hashes) -> None:
        if self._smallest is not None and len(self._smallest) == self.LIMIT:
            hashes = hashes[hashes < self._smallest[-1]]
        self._pending.append(hashes)
        self._waiting += len(hashes)
        if self._waiting > 4 * self.LIMIT:
            self._settle()

    def to_state(self) -> State:
        """Return the counts, or the smallest hashes, as a state."""
        if not self.exact:
            return {"smallest": self._smallest}
        if not self._values:
            return {}
        values, counts = self._values[0], self._counts[0]
        if _is_text(self._kind):
            data = b"".join(values.cast(pa.binary()).to_pylist())
            lengths = pc.binary_length(values).to_numpy()
            return {"counts": counts, "lengths": lengths, "data": np.frombuffer(data, np.uint8)}
        return {"counts": counts, "values": _numbers(values)}

    @classmethod
    def from_state(cls, kind: pa.DataType, state: State) -> Self:
        """Read what `to_state` gave."""
        distinct = cls(kind)
        if "smallest" in state:
            distinct._smallest = state["smallest"]
        elif "lengths" in state:
            offsets = np.concatenate(([0], np.cumsum(state["lengths"]))).astype(np.int32)
            buffers = [None, pa.py_buffer(offsets), pa.py_buffer(state["data"])]
            distinct._values = [pa.Array.from_buffers(kind, len(offsets) - 1, buffers)]
            distinct._counts = [state["counts"]]
        elif "values" in state:
            distinct._values = [pa.array(state["values"]).cast(kind)]
            distinct._counts = [state["counts"]]
        return distinct


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_binary(kind))


def _text_bytes(values: pa.Array) -> int:
    return pc.sum(pc.binary_length(values)).as_py() or 0 if _is_text(values.type) else 0


def _numbers(values: pa.Array) -> npt.NDArray[Any]:
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.int64())
    numbers: npt.NDArray[Any] = values.to_numpy(zero_copy_only=False)
    return numbers


def _hashes(array: pa.Array) -> Hashes:
    return bytes_hashes(array.unique()) if _is_text(array.type) else number_hashes(_numbers(array))
