"""Sample: the values of the rows with the smallest hashes, which is a uniform sample that merges in any order."""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt

from zenml.data.hashing import Hashes
from zenml.data.shards import State

Values = npt.NDArray[np.float64]


class Sample:
    """A bottom-k sample: it holds every value whose row hash lies below `limit`, at most `size` of them.

    The sample of a merge is the sample of the whole, so it depends on no order and on no worker; rows whose hash
    reaches the smallest limit of the parts are dropped. Without a limit, every value is in it.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.limit: int | None = None
        self._hashes: list[Hashes] = []
        self._values: list[Values] = []
        self._held = 0

    @property
    def exact(self) -> bool:
        """Say whether no value was left out."""
        self._shrink()
        return self.limit is None

    def update(self, hashes: Hashes, values: npt.NDArray[np.float64] | npt.NDArray[np.int64]) -> None:
        """Add values, each with the hash of its row."""
        numbers = values.astype(np.float64, copy=False)
        if self.limit is not None:
            hashes, numbers = _below(self.limit, hashes, numbers)
        self._hashes.append(hashes)
        self._values.append(numbers)
        self._held += len(numbers)
        if self._held > 2 * self.size:
            self._shrink()

    def merge(self, other: Self) -> None:
        """Add what another sample holds."""
        if other.limit is not None and (self.limit is None or other.limit < self.limit):
            self.limit = other.limit
        self._hashes += other._hashes
        self._values += other._values
        self._held += other._held
        self._shrink()

    def values(self) -> Values:
        """Return the values, sorted."""
        self._shrink()
        return np.sort(np.concatenate(self._values)) if self._values else np.empty(0)

    def _shrink(self) -> None:
        if len(self._hashes) <= 1 and self._held <= self.size:
            return
        hashes, values = np.concatenate(self._hashes), np.concatenate(self._values)
        if self.limit is not None:
            hashes, values = _below(self.limit, hashes, values)
        if len(hashes) > self.size:
            self.limit = int(np.partition(hashes, self.size)[self.size])
            hashes, values = _below(self.limit, hashes, values)
        self._hashes, self._values, self._held = [hashes], [values], len(hashes)

    def to_state(self) -> State:
        """Return the sample as a state."""
        self._shrink()
        hashes = self._hashes[0] if self._hashes else np.empty(0, np.uint64)
        values = self._values[0] if self._values else np.empty(0)
        return {"limit": self.limit, "hashes": hashes, "values": values}

    @classmethod
    def from_state(cls, state: State, size: int) -> Self:
        """Read what `to_state` gave; a sample that grows by merges may take another size."""
        sample = cls(size)
        sample.limit = state["limit"]
        sample._hashes, sample._values = [state["hashes"]], [state["values"]]
        sample._held = len(state["hashes"])
        sample._shrink()
        return sample


def _below(limit: int, hashes: Hashes, values: Values) -> tuple[Hashes, Values]:
    near = np.flatnonzero(hashes < np.uint64(limit))
    return hashes.take(near), values.take(near)
