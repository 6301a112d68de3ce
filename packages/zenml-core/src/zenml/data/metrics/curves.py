"""Curves of a class: what thresholds give, and how far probabilities are true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zenml.data.metrics.exact_sum import ExactSums
from zenml.data.metrics.grouping import Grouping
from zenml.data.metrics.outcomes import Outcomes
from zenml.data.metrics.ranking import Points

THRESHOLDS = np.arange(101) / 100
BINS = 10


@dataclass(frozen=True)
class ClassCurves:
    """The curves of one class against the rest.

    Args:
        positives: rows of the class.
        negatives: other rows.
        points: points of the ROC and the precision-recall curve.
        hits: by each of `THRESHOLDS`, rows of the class with at least that probability; None without probabilities.
        misses: the same of the other rows.
        bins: by ten equal ranges of the probability: rows, those of the class, and the mean probability.
    """

    positives: int
    negatives: int
    points: Points
    hits: Sequence[int] | None = None
    misses: Sequence[int] | None = None
    bins: Sequence[tuple[int, int, float | None]] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the curves as JSON types; the lists of one curve have an entry per point."""
        row: dict[str, Any] = {
            "positives": self.positives,
            "negatives": self.negatives,
            "ranking": {
                "threshold": [float(value) if np.isfinite(value) else None for value in self.points.thresholds],
                "true_positives": self.points.hits.tolist(),
                "false_positives": self.points.misses.tolist(),
            },
        }
        if self.hits is not None and self.misses is not None and self.bins is not None:
            row["thresholds"] = {
                "threshold": THRESHOLDS.tolist(),
                "true_positives": list(self.hits),
                "false_positives": list(self.misses),
            }
            row["calibration"] = {
                "rows": [rows for rows, _, _ in self.bins],
                "positives": [positive for _, positive, _ in self.bins],
                "mean_probability": [mean for _, _, mean in self.bins],
            }
        return row


def curves(
    outcomes: Outcomes, scores: npt.NDArray[np.float64], grouping: Grouping, positive: int, points: Points
) -> ClassCurves:
    """Return the curves of a class over the rows of the first group.

    Args:
        outcomes: of all rows.
        scores: the class's score in each row.
        grouping: its first group holds the rows that count.
        positive: the class.
        points: points of its ranking.
    """
    steps = np.zeros((2, len(THRESHOLDS)), np.int64)
    counts = np.zeros((2, BINS), np.int64)
    sums = ExactSums(BINS)
    sides = np.zeros(2, np.int64)
    inner = np.linspace(0, 1, BINS + 1)[1:-1]
    for start, stop, block in outcomes.blocks():
        here = grouping.numbers(start, stop) == 0
        values = scores[start:stop][here]
        hit = block.truth[here] == positive
        sides += np.bincount(1 - hit.astype(np.int64), minlength=2)
        if not outcomes.calibrated:
            continue
        reached = np.searchsorted(THRESHOLDS, values, side="right") - 1
        bins = np.searchsorted(inner, values)
        for side, chosen in enumerate((hit, ~hit)):
            steps[side] += np.bincount(np.maximum(reached[chosen], 0), minlength=len(THRESHOLDS))
            counts[side] += np.bincount(bins[chosen], minlength=BINS)
        sums.update(bins, values)
    positives, negatives = (int(side) for side in sides)
    if not outcomes.calibrated:
        return ClassCurves(positives, negatives, points)
    reached_by = steps[:, ::-1].cumsum(axis=1)[:, ::-1]
    rows = counts.sum(axis=0).tolist()
    means = [float(total / count) if count and total is not None else None for total, count in zip(
        sums.result(), rows, strict=True
    )]  # fmt: skip
    bins = list(zip(rows, counts[0].tolist(), means, strict=True))
    return ClassCurves(positives, negatives, points, reached_by[0].tolist(), reached_by[1].tolist(), bins)


def confusion(outcomes: Outcomes, grouping: Grouping, classes: int) -> npt.NDArray[np.int64]:
    """Return how many rows of the first group are of each class (rows) and predicted as each class (columns).

    The last row counts those of a class that the model does not know.
    """
    found = np.zeros((classes + 1) * classes, np.int64)
    for start, stop, block in outcomes.blocks():
        here = grouping.numbers(start, stop) == 0
        truth, predicted = block.truth[here].astype(np.int64), block.predicted[here].astype(np.int64)
        truth = np.where(truth < 0, classes, truth)
        found += np.bincount(truth * classes + predicted, minlength=len(found))
    return found.reshape(classes + 1, classes)


def against(outcomes: Outcomes, grouping: Grouping, cells: int = 40) -> dict[str, Any] | None:
    """Return how often which numbers were predicted for which, as a grid over both of the same range; JSON types."""
    low, high = np.inf, -np.inf
    for start, stop, block in outcomes.blocks():
        here = grouping.numbers(start, stop) == 0
        for values in (block.truth[here], block.predicted[here]):
            finite = values[np.isfinite(values)]
            low, high = min(low, finite.min(initial=np.inf)), max(high, finite.max(initial=-np.inf))
    if not np.isfinite(high - low):
        return None
    grid = np.zeros(cells * cells, np.int64)
    scale = cells / ((high - low) or 1.0)
    for start, stop, block in outcomes.blocks():
        here = (grouping.numbers(start, stop) == 0) & np.isfinite(block.predicted)
        places = [
            np.minimum(((values[here] - low) * scale).astype(np.int64), cells - 1)
            for values in (block.truth, block.predicted)
        ]
        grid += np.bincount(places[0] * cells + places[1], minlength=cells * cells)
    filled = np.flatnonzero(grid)
    return {
        "low": float(low),
        "high": float(high),
        "cells": cells,
        "true": (filled // cells).tolist(),
        "predicted": (filled % cells).tolist(),
        "rows": grid[filled].tolist(),
    }
