"""Summary: what is learned of a column in the one pass over the training rows, enough to fit every method on it.

A method that is fitted tells how the summary of what it gives follows from that of what it takes. So a chain of methods
is fitted without reading the data again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from enum import StrEnum
from math import isfinite
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zenml.data.shards import State
from zenml.data.statistics._moments import Moments
from zenml.data.transforms.counts import Counts
from zenml.data.transforms.values import ARROW, ValueType

_BATCH = 1 << 16


class Need(StrEnum):
    """A part of a summary that a method is fitted on."""

    MOMENTS = "moments"
    COUNTS = "counts"
    OWN = "own"


@runtime_checkable
class Learner(Protocol):
    """What keeps a state of its own in a summary; `CustomTransform` says what the methods do."""

    def update(self, state: State, values: pa.Array) -> State:
        """Add values that are there to a state, which is empty at first."""

    def merge(self, state: State, other: State) -> State:
        """Return the state of two runs of rows, of which `other` is the later one."""

    def pack(self, state: State) -> State:
        """Return a state as JSON types and NumPy arrays."""

    def unpack(self, state: State) -> State:
        """Return what `pack` was given; the arrays may be written to."""


class Summary:
    """A mergeable summary of a column's values; infinities and nulls are in no part of it.

    Args:
        kind: type of the values.
        needs: the parts to keep.
        learner: keeps the part `own`, of which infinities are no exception.
    """

    def __init__(self, kind: ValueType, needs: Collection[Need], learner: Learner | None = None) -> None:
        self.kind = kind
        self.needs = frozenset(needs)
        self.missing = 0
        self.moments: Moments | None = Moments() if Need.MOMENTS in needs and kind.numeric else None
        self.counts: Counts | None = Counts(kind) if Need.COUNTS in needs else None
        self.learner = learner if Need.OWN in needs else None
        self.own: State | None = None

    def fresh(self) -> Summary:
        """Return a summary of no values with the same parts."""
        return Summary(self.kind, self.needs, self.learner)

    def update(self, array: pa.Array) -> None:
        """Add the values of a batch, in the Arrow type of their kind."""
        self.missing += array.null_count
        if not self.needs:
            return
        if array.null_count:
            array = array.drop_null()
        if self.learner is not None and len(array):
            self.own = self.learner.update(self.own or {}, array)
        if self.kind is ValueType.FLOAT:
            finite = pc.is_finite(array)
            if not pc.all(finite, min_count=0).as_py():
                array = array.filter(finite)
        if self.moments is not None:
            self.moments.update(array.to_numpy())
        if self.counts is not None:
            self.counts.update(array)

    def merge(self, other: Summary) -> None:
        """Add the next shard's summary of the same column."""
        self.missing += other.missing
        if self.moments is not None and other.moments is not None:
            self.moments.merge(other.moments)
        if self.counts is not None and other.counts is not None:
            self.counts.merge(other.counts)
        if self.learner is not None and other.own is not None:
            self.own = other.own if self.own is None else self.learner.merge(self.own, other.own)

    def numbers(self) -> Moments:
        """Return the moments of the values."""
        if self.moments is not None:
            return self.moments
        return self.values().moments()

    def values(self) -> Counts:
        """Return the counts of the values."""
        if self.counts is None:
            raise TypeError(f"the summary of {self.kind} values keeps no counts")
        return self.counts

    def filled(self, kind: ValueType, value: bool | int | float | str) -> Summary:
        """Return the summary of the same values once every null is `value`."""
        made = Summary(kind, ())
        if self.learner is not None:
            made.own = self.own
            for start in range(0, self.missing, _BATCH):
                values = pa.repeat(pa.scalar(value, ARROW[kind]), min(_BATCH, self.missing - start))
                made.own = self.learner.update(made.own or {}, values)
        if isinstance(value, float) and not isfinite(value):
            made.moments, made.counts = self.moments, self.counts
            return made
        if self.moments is not None and not isinstance(value, str):
            made.moments = Moments()
            made.moments.merge(self.moments)
            if self.missing:
                more = Moments()
                more.count, more.mean, more.low, more.high = self.missing, float(value), value, value
                made.moments.merge(more)
        if self.counts is not None:
            values, counts = self.counts.result()
            made.counts = Counts.of(kind, values.cast(ARROW[kind], safe=False), counts)
            if self.missing:
                made.counts.merge(Counts.of(kind, pa.array([value], ARROW[kind]), np.array([self.missing])))
        return made

    def mapped(self, kind: ValueType, apply: Callable[[pa.Array], pa.Array]) -> Summary:
        """Return the summary of what `apply` makes of the values one by one, as far as their counts tell.

        Args:
            kind: type of what `apply` gives.
            apply: a function of values that leaves null what is null.
        """
        made = Summary(kind, ())
        made.missing = self.missing
        if self.counts is not None and kind in ARROW:
            values, counts = self.counts.result()
            values = apply(values)
            keep = values.is_valid() if kind is not ValueType.FLOAT else pc.is_finite(values).fill_null(False)
            if not pc.all(keep, min_count=0).as_py():
                made.missing += int(counts[values.is_null().to_numpy(zero_copy_only=False)].sum())
                values, counts = values.filter(keep), counts[keep.to_numpy(zero_copy_only=False)]
            made.counts = Counts.of(kind, values, counts)
        return made

    def to_state(self) -> State:
        """Return the summary as a state."""
        return {
            "missing": self.missing,
            "moments": None if self.moments is None else self.moments.to_state(),
            "counts": None if self.counts is None else self.counts.to_state(),
            "own": None if self.learner is None or self.own is None else self.learner.pack(self.own),
        }

    @classmethod
    def from_state(cls, kind: ValueType, state: State, learner: Learner | None = None) -> Self:
        """Read what `to_state` gave."""
        made = cls(kind, ())
        made.missing = state["missing"]
        made.moments = None if state["moments"] is None else Moments.from_state(state["moments"])
        made.counts = None if state["counts"] is None else Counts.from_state(kind, state["counts"])
        if learner is not None and state["own"] is not None:
            made.own = learner.unpack(_writable(state["own"]))
        return made


def _writable(value: Any) -> Any:
    """Return a state with arrays that may be written to."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, dict):
        return {key: _writable(row) for key, row in value.items()}
    return [_writable(row) for row in value] if isinstance(value, list) else value
