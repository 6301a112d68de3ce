"""Distinct: how often each value occurs while there are few values, and how many values there are when many."""

from __future__ import annotations

from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zenml.data.hashing import Hashes, bytes_hashes, number_hashes
from zenml.data.shards import State

Value = bool | int | float | str | bytes

_WHOLE = float(1 << 64)


class Distinct:
    """Exact counts of each value up to `LIMIT` distinct ones (1 MiB of text); then only their number is estimated.

    The estimate is the k-minimum-values one: of the k smallest hashes of distinct values the largest tells how dense
    they lie (Bar-Yossef et al., 2002). Its standard error is 1 / sqrt(LIMIT - 2), 1.6 %. Hashes are fixed, and the
    smallest ones of a whole are among the smallest ones of its parts, so it depends on no order.
    """

    LIMIT = 4096
    TEXT = 1 << 20

    def __init__(self) -> None:
        self._counts: dict[Value, int] = {}
        self._text = 0
        self._smallest: Hashes | None = None
        self._pending: list[Hashes] = []
        self._waiting = 0

    @property
    def exact(self) -> bool:
        """Say whether every value is counted."""
        return self._smallest is None

    @property
    def count(self) -> int:
        """Return the number of distinct values, exact or estimated."""
        self._shrink()
        if self._smallest is None:
            return len(self._counts)
        if len(self._smallest) < self.LIMIT:
            return len(self._smallest)
        return round((self.LIMIT - 1) / (float(self._smallest[-1]) / _WHOLE))

    def top(self, count: int) -> list[tuple[Value, int]] | None:
        """Return the most frequent values with their counts, or None where there are too many values to count."""
        if not self.exact:
            return None
        return sorted(self._counts.items(), key=lambda item: (-item[1], item[0]))[:count]

    def update(self, array: pa.Array) -> None:
        """Add the cells of an array without nulls."""
        if self._smallest is not None:
            self._add(_hashes(array))
            return
        # The first cells often show that there are too many values, and counting all would cost much more.
        if len(array.slice(0, 2 * self.LIMIT).unique()) > self.LIMIT:
            self._overflow()
            self._add(_hashes(array))
            return
        found = pc.value_counts(array)
        values = found.field("values")
        if len(values) > self.LIMIT:
            self._overflow()
            self._add(_hashes(values))
        else:
            self._count(zip(values.to_pylist(), found.field("counts").to_pylist(), strict=True))

    def merge(self, other: Self) -> None:
        """Add what another one counted."""
        if other._smallest is None:
            if self._smallest is None:
                self._count(other._counts.items())
            else:
                self._add(_hashes_of(other._counts))
            return
        self._overflow()
        self._add(other._smallest)
        for hashes in other._pending:
            self._add(hashes)

    def _count(self, found: object) -> None:
        for value, count in found:  # type: ignore[attr-defined] # pairs, of a zip or of items
            known = self._counts.get(value)
            if known is None:
                self._text += len(value) if isinstance(value, str | bytes) else 0
                self._counts[value] = count
            else:
                self._counts[value] = known + count
        if len(self._counts) > self.LIMIT or self._text > self.TEXT:
            self._overflow()

    def _overflow(self) -> None:
        if self._smallest is None:
            self._smallest = np.empty(0, np.uint64)
            self._add(_hashes_of(self._counts))
            self._counts = {}
            self._text = 0

    def _add(self, hashes: Hashes) -> None:
        if self._smallest is not None and len(self._smallest) == self.LIMIT:
            hashes = hashes[hashes < self._smallest[-1]]
        self._pending.append(hashes)
        self._waiting += len(hashes)
        if self._waiting > 4 * self.LIMIT:
            self._shrink()

    def _shrink(self) -> None:
        if self._smallest is not None and self._pending:
            hashes = np.sort(np.concatenate((self._smallest, *self._pending)))
            fresh = np.concatenate((hashes[:1] == hashes[:1], hashes[1:] != hashes[:-1]))
            self._smallest = hashes[fresh][: self.LIMIT]
            self._pending, self._waiting = [], 0

    def to_state(self) -> State:
        """Return the counts, or the smallest hashes, as a state."""
        self._shrink()
        if self._smallest is not None:
            return {"smallest": self._smallest}
        binary = any(isinstance(value, bytes) for value in self._counts)
        values = [value.decode("latin-1") if isinstance(value, bytes) else value for value in self._counts]
        return {"values": values, "counts": list(self._counts.values()), "binary": binary}

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Read what `to_state` gave."""
        distinct = cls()
        if "smallest" in state:
            distinct._smallest = state["smallest"]
        else:
            values = [value.encode("latin-1") for value in state["values"]] if state["binary"] else state["values"]
            distinct._count(zip(values, state["counts"], strict=True))
        return distinct


def _hashes_of(counts: dict[Value, int]) -> Hashes:
    return _hashes(pa.array(list(counts))) if counts else np.empty(0, np.uint64)


def _hashes(array: pa.Array) -> Hashes:
    kind = array.type
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        return bytes_hashes(array.unique())
    if pa.types.is_boolean(kind):
        array = array.cast(pa.int64())
    return number_hashes(array.to_numpy(zero_copy_only=False))
