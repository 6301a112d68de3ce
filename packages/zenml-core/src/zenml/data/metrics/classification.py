"""Metrics of a classification.

With two classes, the second one is the positive class of `precision`, `recall`, `f1`, `roc_auc` and `pr_auc`. With more
classes these are means over the classes, each class against the rest and all of the same weight; `precision`, `recall`
and `f1` leave out classes that are neither true nor predicted in any row, and count 0 where a class has no quotient.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from zenml.data.metrics.measured import UndefinedError
from zenml.data.metrics.outcomes import Outcomes

_POSITIVE = 1


def accuracy(outcomes: Outcomes) -> float:
    """Return the part of the rows whose class was predicted rightly."""
    return int(np.count_nonzero(outcomes.truth == outcomes.predicted)) / len(outcomes)


def precision(outcomes: Outcomes) -> float:
    """Return the part of the rows predicted positive that are positive."""
    return _counted(outcomes, (1, 0, 1), "no row is predicted positive")


def recall(outcomes: Outcomes) -> float:
    """Return the part of the positive rows that were predicted positive."""
    return _counted(outcomes, (1, 1, 0), "no row is positive")


def f1(outcomes: Outcomes) -> float:
    """Return the harmonic mean of precision and recall."""
    return _counted(outcomes, (2, 1, 1), "no row is positive, and none is predicted positive")


def roc_auc(outcomes: Outcomes) -> float:
    """Return the area under the receiver operating characteristic: of each class against the rest, ties by half."""
    return _ranked(outcomes, _roc_area)


def pr_auc(outcomes: Outcomes) -> float:
    """Return the average precision, which is the area under the stepwise precision-recall curve."""
    return _ranked(outcomes, _average_precision)


def log_loss(outcomes: Outcomes) -> float:
    """Return the mean negative logarithm of the probability given to the true class, kept from 0 by 2.2e-16."""
    scores = _scores(outcomes)
    if not outcomes.calibrated:
        raise UndefinedError("the model gives no probabilities")
    _known(outcomes)
    epsilon = np.finfo(np.float64).eps
    given = scores[np.arange(len(outcomes)), outcomes.truth]
    return float(-np.log(np.clip(given, epsilon, 1 - epsilon)).mean())


def _counted(outcomes: Outcomes, weights: tuple[int, int, int], undefined: str) -> float:
    """Return a quotient of counts of rows: hits over the sum of positive rows and of rows predicted positive.

    Args:
        outcomes: truth and prediction.
        weights: what hits, positive rows and rows predicted positive count in it.
        undefined: why there is no quotient, where nothing is to be divided by.
    """
    of_hits, of_true, of_predicted = weights

    def of_class(number: int) -> tuple[int, int]:
        true, predicted = outcomes.truth == number, outcomes.predicted == number
        whole = of_true * np.count_nonzero(true) + of_predicted * np.count_nonzero(predicted)
        return of_hits * int(np.count_nonzero(true & predicted)), int(whole)

    if outcomes.classes == 2:
        part, whole = of_class(_POSITIVE)
        if whole == 0:
            raise UndefinedError(undefined)
        return part / whole
    present = np.union1d(outcomes.truth, outcomes.predicted)
    parts = [of_class(int(number)) for number in present]
    return sum(part / whole if whole else 0.0 for part, whole in parts) / len(parts)


def _ranked(outcomes: Outcomes, area: Callable[[npt.NDArray[np.int64], npt.NDArray[np.int64]], float]) -> float:
    """Return the area of the positive class, or the mean over all classes where there are more than two."""
    scores = _scores(outcomes)
    _known(outcomes)
    counts = np.bincount(outcomes.truth, minlength=outcomes.classes)
    if (counts == len(outcomes)).any():
        raise UndefinedError("all rows are of one class")
    if (counts == 0).any():
        raise UndefinedError(f"{np.count_nonzero(counts == 0)} of {outcomes.classes} classes have no row")
    if outcomes.classes == 2:
        return area(*_steps(outcomes.truth == _POSITIVE, scores[:, _POSITIVE]))
    areas = [area(*_steps(outcomes.truth == number, scores[:, number])) for number in range(outcomes.classes)]
    return sum(areas) / len(areas)


def _steps(
    positive: npt.NDArray[np.bool_], scores: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return how many rows are true and false positives at each distinct threshold, the highest first."""
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    last = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(ordered) - 1)
    hits = np.cumsum(positive[order], dtype=np.int64)[last]
    return hits, last + 1 - hits


def _roc_area(hits: npt.NDArray[np.int64], misses: npt.NDArray[np.int64]) -> float:
    doubled = np.diff(misses, prepend=0) @ (hits + np.concatenate([[0], hits[:-1]]))
    return int(doubled) / (2 * int(hits[-1]) * int(misses[-1]))


def _average_precision(hits: npt.NDArray[np.int64], misses: npt.NDArray[np.int64]) -> float:
    gained = np.diff(hits, prepend=0)
    return float((gained * (hits / (hits + misses))).sum() / hits[-1])


def _scores(outcomes: Outcomes) -> npt.NDArray[np.float64]:
    if outcomes.scores is None:
        raise UndefinedError("the model gives no scores")
    if np.isnan(outcomes.scores).any():
        raise UndefinedError("the model gave scores that are not numbers")
    return outcomes.scores


def _known(outcomes: Outcomes) -> None:
    if (outcomes.truth < 0).any():
        raise UndefinedError("some rows are of a class that the model was not trained on")
