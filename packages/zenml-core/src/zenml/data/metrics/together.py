"""Metrics of several labels together: of rows that each may have any of some properties."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zenml.data.metrics.classification import quotient


@dataclass
class TogetherCounts:
    """The mergeable state of the metrics in `zenml.data.metrics.table.TOGETHER`.

    Args:
        labels: how many labels there are.
    """

    labels: int
    rows: int = 0
    all_right: int = 0

    def __post_init__(self) -> None:
        """Begin with no rows."""
        self._hits, self._true, self._predicted, self._wrong = np.zeros((4, self.labels), np.int64)

    def update(self, truth: npt.NDArray[np.bool_], predicted: npt.NDArray[np.bool_]) -> None:
        """Count rows.

        Args:
            truth: of shape (rows, labels), whether the label is of its second class.
            predicted: of the same shape, whether it is predicted so.
        """
        self.rows += len(truth)
        wrong = truth != predicted
        self.all_right += int(np.count_nonzero(~wrong.any(axis=1)))
        self._hits += np.count_nonzero(truth & predicted, axis=0)
        self._true += np.count_nonzero(truth, axis=0)
        self._predicted += np.count_nonzero(predicted, axis=0)
        self._wrong += np.count_nonzero(wrong, axis=0)

    def merge(self, other: TogetherCounts) -> None:
        """Add the counts of other rows."""
        self.rows += other.rows
        self.all_right += other.all_right
        for name in ("_hits", "_true", "_predicted", "_wrong"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def result(self) -> dict[str, float]:
        """Return the metrics by name; none of no rows. A quotient that is not defined counts 0."""
        if self.rows == 0:
            return {}
        sums: Sequence[int] = [int(counts.sum()) for counts in (self._hits, self._true, self._predicted)]
        each = zip(self._hits.tolist(), self._true.tolist(), self._predicted.tolist(), strict=True)
        return {
            "subset_accuracy": self.all_right / self.rows,
            "hamming_loss": int(self._wrong.sum()) / (self.rows * self.labels),
            "f1_micro": quotient("f1", *sums) or 0.0,
            "f1_macro": sum(quotient("f1", *row) or 0.0 for row in each) / self.labels,
        }
