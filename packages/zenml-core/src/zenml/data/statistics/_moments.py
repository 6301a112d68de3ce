"""Moments: count, mean, variance and range of numbers."""

from __future__ import annotations

from math import isfinite, sqrt
from typing import Self

import numpy as np
import numpy.typing as npt

from zenml.data.shards import State

Number = int | float


class Moments:
    """Count, mean, sum of squared deviations, minimum and maximum, merged by the formula of Chan et al. (1979)."""

    def __init__(self) -> None:
        self.count = 0
        self.mean = 0.0
        self.squares = 0.0
        self.low: Number | None = None
        self.high: Number | None = None

    def update(self, values: npt.NDArray[np.float64] | npt.NDArray[np.int64]) -> None:
        """Add finite numbers."""
        if not len(values):
            return
        part = Moments()
        part.count = len(values)
        part.low, part.high = values.min().item(), values.max().item()
        # Numbers near the end of the range overflow their sum or squares; then there is no deviation to tell.
        with np.errstate(over="ignore", invalid="ignore"):
            part.mean = float(np.mean(values, dtype=np.float64))
            if not isfinite(part.mean):
                part.mean = float(np.sum(values / len(values)))
            away = values - part.mean
            away *= away
            part.squares = float(away.sum())
        self.merge(part)

    def merge(self, other: Moments) -> None:
        """Add what another one counted; the last bits depend on the order, so fold in shard order."""
        if not other.count:
            return
        total = self.count + other.count
        away = other.mean - self.mean
        self.squares += other.squares + away * away * (self.count * other.count / total)
        if isfinite(away):
            self.mean += away * (other.count / total)
        else:
            self.mean = self.mean * (self.count / total) + other.mean * (other.count / total)
        self.count = total
        self.low = other.low if self.low is None or other.low is None else min(self.low, other.low)
        self.high = other.high if self.high is None or other.high is None else max(self.high, other.high)

    @property
    def deviation(self) -> float | None:
        """Return the sample standard deviation (divisor n - 1), or None below two values or beyond the float range."""
        return sqrt(self.squares / (self.count - 1)) if self.count > 1 and isfinite(self.squares) else None

    def to_state(self) -> State:
        """Return the moments as a state."""
        return dict(vars(self))

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Read what `to_state` gave."""
        moments = cls()
        vars(moments).update(state)
        return moments
