"""Tallies: what metrics are computed from, counted for many groups of rows in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from zenml.data.metrics.exact_sum import ExactSums, product_error
from zenml.data.metrics.grouping import Grouping
from zenml.data.metrics.outcomes import Outcomes
from zenml.data.metrics.ranking import Points, Ranked, rank

Integers = npt.NDArray[np.int64]
_EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class ClassTally:
    """Counts of a classification for a group of rows.

    Args:
        rows: how many there are.
        hits: by class, the rows that are of it and predicted so.
        true: by class, the rows that are of it.
        predicted: by class, the rows that are predicted so.
        unknown: rows of a class that the model does not know.
        numbers: whether every score is a number; None where the model gives no scores.
        loss: the sum of the log losses; None where there are no probabilities, or unknown classes.
        roc: by class, the area under its ROC curve; only of the second of two classes; None where it was not asked for.
        pr: by class, its average precision, in the same way.
    """

    rows: int
    hits: Integers
    true: Integers
    predicted: Integers
    unknown: int
    numbers: bool | None
    loss: Fraction | None
    roc: Sequence[float] | None = None
    pr: Sequence[float] | None = None


@dataclass(frozen=True)
class NumberTally:
    """Sums of a regression for a group of rows; None where one would not be finite.

    Args:
        rows: how many there are.
        wild: rows whose prediction is not a finite number.
        constant: whether the label has one value in all rows.
        absolute: the sum of the absolute errors.
        squared: the sum of the squared errors.
        total: the sum of the label.
        spread: the sum of the squared label.
    """

    rows: int
    wild: int
    constant: bool
    absolute: Fraction | None
    squared: Fraction | None
    total: Fraction | None
    spread: Fraction | None


Tally = ClassTally | NumberTally


class ClassCounts:
    """The mergeable state of `ClassTally`.

    Args:
        groups: how many groups there are.
        classes: how many classes the model knows.
        scored: whether it gives scores.
        calibrated: whether these are probabilities.
    """

    def __init__(self, groups: int, classes: int, scored: bool, calibrated: bool) -> None:
        self._shape = (groups, classes)
        self._scored, self._calibrated = scored, calibrated
        self.hits, self.true, self.predicted = (np.zeros(self._shape, np.int64) for _ in range(3))
        self.unknown, self.nameless = np.zeros(groups, np.int64), np.zeros(groups, np.int64)
        self.loss = ExactSums(groups)

    def update(self, numbers: Integers, outcomes: Outcomes) -> None:
        """Count rows, each in the group of its number."""
        here = numbers >= 0
        if not here.all():
            numbers, outcomes = numbers[here], outcomes.rows(here)
        groups, classes = self._shape
        truth, predicted = outcomes.truth.astype(np.int64), outcomes.predicted.astype(np.int64)
        known = truth >= 0

        def count(of: npt.NDArray[np.bool_], which: Integers) -> Integers:
            places = numbers[of] * classes + which[of]
            return np.bincount(places, minlength=groups * classes).reshape(groups, classes)

        self.hits += count(truth == predicted, truth)
        self.true += count(known, truth)
        self.predicted += count(predicted >= 0, predicted)
        self.unknown += np.bincount(numbers[~known], minlength=groups)
        if outcomes.scores is None:
            return
        self.nameless += np.bincount(numbers[np.isnan(outcomes.scores).any(axis=1)], minlength=groups)
        if self._calibrated:
            given = outcomes.scores[known, truth[known]]
            self.loss.update(numbers[known], -np.log(np.clip(given, _EPSILON, 1 - _EPSILON)))

    def merge(self, other: ClassCounts) -> None:
        """Add the counts of other rows."""
        for name in ("hits", "true", "predicted", "unknown", "nameless"):
            getattr(self, name)[...] += getattr(other, name)
        self.loss.merge(other.loss)

    def result(self, areas: Sequence[Ranked] = ()) -> list[ClassTally]:
        """Return the tally of each group.

        Args:
            areas: of each class (of two, only of the second) the areas under its curves.
        """
        losses = self.loss.result()
        return [
            ClassTally(
                int(self.true[group].sum() + self.unknown[group]),
                self.hits[group],
                self.true[group],
                self.predicted[group],
                int(self.unknown[group]),
                not self.nameless[group] if self._scored else None,
                None if self.unknown[group] or not (self._scored and self._calibrated) else losses[group],
                [row.roc[group] for row in areas] if areas else None,
                [row.pr[group] for row in areas] if areas else None,
            )
            for group in range(self._shape[0])
        ]


class NumberSums:
    """The mergeable state of `NumberTally`.

    Args:
        groups: how many groups there are.
    """

    def __init__(self, groups: int) -> None:
        self.rows, self.wild = np.zeros(groups, np.int64), np.zeros(groups, np.int64)
        self.least, self.most = np.full(groups, np.inf), np.full(groups, -np.inf)
        self.sums = {name: ExactSums(groups) for name in ("absolute", "squared", "total", "spread")}

    def update(self, numbers: Integers, outcomes: Outcomes) -> None:
        """Add rows, each to the group of its number."""
        here = numbers >= 0
        numbers, truth, predicted = numbers[here], outcomes.truth[here], outcomes.predicted[here]
        groups = len(self.rows)
        errors = truth - predicted
        squares = truth * truth
        self.rows += np.bincount(numbers, minlength=groups)
        self.wild += np.bincount(numbers[~np.isfinite(predicted)], minlength=groups)
        np.minimum.at(self.least, numbers, truth)
        np.maximum.at(self.most, numbers, truth)
        self.sums["absolute"].update(numbers, np.abs(errors))
        self.sums["squared"].update(numbers, errors * errors)
        self.sums["total"].update(numbers, truth)
        self.sums["spread"].update(numbers, squares)
        self.sums["spread"].update(numbers, product_error(truth, squares))

    def merge(self, other: NumberSums) -> None:
        """Add the sums of other rows."""
        self.rows += other.rows
        self.wild += other.wild
        self.least, self.most = np.minimum(self.least, other.least), np.maximum(self.most, other.most)
        for name, sums in self.sums.items():
            sums.merge(other.sums[name])

    def result(self) -> list[NumberTally]:
        """Return the tally of each group."""
        columns = [sums.result() for sums in self.sums.values()]
        return [
            NumberTally(int(rows), int(wild), bool(least == most), *sums)
            for rows, wild, least, most, *sums in zip(
                self.rows, self.wild, self.least, self.most, *columns, strict=True
            )
        ]


def tally(outcomes: Outcomes, grouping: Grouping, *, ranked: bool = True) -> list[Tally]:
    """Return the tally of each group of rows.

    Args:
        outcomes: of all rows.
        grouping: the groups.
        ranked: compute the areas under the curves, which takes far the longest.
    """
    found, _ = tally_and_points(outcomes, grouping, ranked=ranked, keep=())
    return found


def tally_and_points(
    outcomes: Outcomes, grouping: Grouping, *, ranked: bool = True, keep: Sequence[int]
) -> tuple[list[Tally], dict[int, Points]]:
    """Return the tally of each group, and by class points of the curve of the first group.

    Args:
        outcomes: of all rows.
        grouping: the groups.
        ranked: compute the areas under the curves.
        keep: classes of whose curve points are kept.
    """
    groups = len(grouping.sizes)
    if outcomes.truth.dtype.kind == "f":
        sums = NumberSums(groups)
        with np.errstate(all="ignore"):
            for start, stop, block in outcomes.blocks():
                sums.update(grouping.numbers(start, stop), block)
        return list(sums.result()), {}
    counts = ClassCounts(groups, _classes(outcomes), outcomes.scores is not None, outcomes.calibrated)
    for start, stop, block in outcomes.blocks():
        counts.update(grouping.numbers(start, stop), block)
    areas: dict[int, Ranked] = {}
    if outcomes.scores is not None and not counts.nameless.any():
        usual = [1] if outcomes.classes == 2 else range(outcomes.classes)
        for number in sorted({*(usual if ranked else ()), *keep}):
            scores = outcomes.scores[:, number]
            areas[number] = rank(outcomes.truth, scores, number, grouping, keep=number in keep)
    told = [areas[number] for number in ([1] if outcomes.classes == 2 else range(outcomes.classes))] if (
        ranked and areas
    ) else []  # fmt: skip
    points = {number: areas[number].points[0] for number in keep if number in areas and areas[number].points}
    return list(counts.result(told)), points


def _classes(outcomes: Outcomes) -> int:
    if outcomes.scores is not None:
        return outcomes.classes
    return 1 + max(
        int(values.max(initial=1)) for _, _, block in outcomes.blocks() for values in (block.truth, block.predicted)
    )
