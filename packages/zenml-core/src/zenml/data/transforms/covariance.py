"""Covariance: mean and covariance of rows of numbers, mergeable."""

from __future__ import annotations

from typing import Self

import numpy as np

from zenml.data.shards import State
from zenml.data.transforms.values import Floats


class Covariance:
    """Count, means and sums of products of deviations, merged by the formula of Chan et al. (1979).

    Sums run over the rows of one batch at a time without a linear-algebra library, whose order of addition may follow
    its number of threads; so the same batches, folded in the same order, give the same bits on every engine.

    Args:
        width: numbers in a row.
    """

    def __init__(self, width: int) -> None:
        self.count = 0
        self.mean = np.zeros(width)
        self.products = np.zeros((width, width))

    def update(self, columns: Floats) -> None:
        """Add rows, given as an array of shape (width, rows); a row with a number that is not finite is left out."""
        whole = np.isfinite(columns).all(axis=0)
        columns = np.ascontiguousarray(columns if whole.all() else columns[:, whole])
        if not columns.shape[1]:
            return
        part = Covariance(len(columns))
        part.count = columns.shape[1]
        part.mean = columns.mean(axis=1)
        away = columns - part.mean[:, None]
        for number in range(len(columns)):
            part.products[number, number:] = (away[number:] * away[number]).sum(axis=1)
            part.products[number:, number] = part.products[number, number:]
        self.merge(part)

    def merge(self, other: Covariance) -> None:
        """Add what another one counted; the last bits depend on the order, so fold in shard order."""
        if not other.count:
            return
        total = self.count + other.count
        away = other.mean - self.mean
        self.products += other.products + away[:, None] * away * (self.count * other.count / total)
        self.mean = self.mean + away * (other.count / total)
        self.count = total

    @property
    def matrix(self) -> Floats:
        """Return the sample covariance (divisor n - 1) of two rows or more."""
        return self.products / (self.count - 1)

    def to_state(self) -> State:
        """Return the sums as a state."""
        return {"count": self.count, "mean": self.mean, "products": self.products}

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Read what `to_state` gave."""
        made = cls(len(state["mean"]))
        made.count = state["count"]
        made.mean, made.products = np.array(state["mean"]), np.array(state["products"])
        return made
