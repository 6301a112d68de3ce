"""Outcomes: what was true and what was predicted, from which metrics are computed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from zenml.data.shards import State

BLOCK = 1 << 18
"""Rows that are looked at together; larger data lie on disk meanwhile."""


@dataclass(frozen=True)
class Outcomes:
    """Truth and prediction of one label for some rows.

    The arrays may lie on disk, and be read a slice at a time: metrics look at them block by block. Outcomes of several
    batches are joined in their order; no metric depends on how the rows were cut into batches, blocks and shards.

    Args:
        truth: of a classification, the position of the true class, integers, -1 for a class that the model does not
            know; of a regression, the true value, float64.
        predicted: the predicted position or value, of the same form.
        scores: of a classification, float64 of shape (rows, classes), the higher the likelier; None of a regression.
        calibrated: whether the scores are probabilities.
    """

    truth: npt.NDArray[Any]
    predicted: npt.NDArray[Any]
    scores: npt.NDArray[np.float64] | None = None
    calibrated: bool = True

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def classes(self) -> int:
        """The number of classes that the model knows; 0 of a regression."""
        return 0 if self.scores is None else self.scores.shape[1]

    def blocks(self) -> Iterator[tuple[int, int, Self]]:
        """Yield the first row, the row after the last, and the outcomes of each block of rows."""
        for start in range(0, len(self), BLOCK):
            stop = min(start + BLOCK, len(self))
            yield start, stop, self.rows(slice(start, stop))

    def rows(self, chosen: Any) -> Self:
        """Return the outcomes of the chosen rows (a slice, a mask, or indices)."""
        scores = None if self.scores is None else self.scores[chosen]
        return type(self)(self.truth[chosen], self.predicted[chosen], scores, self.calibrated)

    def merge(self, other: Self) -> Self:
        """Return the outcomes of these rows and of the `other` rows that follow them."""
        return self.join([self, other])

    @classmethod
    def join(cls, parts: Iterable[Self]) -> Self:
        """Return the outcomes of all parts, in their order; there must be at least one."""
        every = list(parts)
        scores = [part.scores for part in every if part.scores is not None]
        return cls(
            np.concatenate([part.truth for part in every]),
            np.concatenate([part.predicted for part in every]),
            np.concatenate(scores) if scores else None,
            all(part.calibrated for part in every),
        )

    def to_state(self) -> State:
        """Return what a shard sends to the fold."""
        state: State = {"truth": self.truth, "predicted": self.predicted, "calibrated": self.calibrated}
        return state if self.scores is None else {**state, "scores": self.scores}

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Read what `to_state` gave."""
        return cls(state["truth"], state["predicted"], state.get("scores"), bool(state["calibrated"]))
