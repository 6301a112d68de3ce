"""Metrics of a classification.

With two classes, the second one is the positive class of `precision`, `recall`, `f1`, `roc_auc` and `pr_auc`. With more
classes these are means over the classes, each class against the rest and all of the same weight. Names that end with
`_macro` are such means for two classes too, and those with `_weighted` weigh each class by its rows. Classes that are
neither true nor predicted in any row are left out, and 0 counts where a class has no quotient.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from zenml.data.metrics.measured import UndefinedError
from zenml.data.metrics.tallies import ClassTally

_POSITIVE = 1
_WEIGHTS = {"precision": (1, 0, 1), "recall": (1, 1, 0), "f1": (2, 1, 1)}
"""What hits, rows of the class, and rows predicted so count: hits over the sum of the others."""

_UNDEFINED = {
    "precision": "no row is predicted positive",
    "recall": "no row is positive",
    "f1": "no row is positive, and none is predicted positive",
}


def accuracy(tally: ClassTally) -> float:
    """Return the part of the rows whose class was predicted rightly."""
    return int(tally.hits.sum()) / tally.rows


def precision(tally: ClassTally) -> float:
    """Return the part of the rows predicted positive that are positive."""
    return _of_positive(tally, "precision")


def recall(tally: ClassTally) -> float:
    """Return the part of the positive rows that were predicted positive."""
    return _of_positive(tally, "recall")


def f1(tally: ClassTally) -> float:
    """Return the harmonic mean of precision and recall."""
    return _of_positive(tally, "f1")


def precision_macro(tally: ClassTally) -> float:
    """Return the mean of the precisions of the classes."""
    return _mean(tally, "precision")


def recall_macro(tally: ClassTally) -> float:
    """Return the mean of the recalls of the classes, also called balanced accuracy."""
    return _mean(tally, "recall")


def f1_macro(tally: ClassTally) -> float:
    """Return the mean of the F1 of the classes."""
    return _mean(tally, "f1")


def precision_weighted(tally: ClassTally) -> float:
    """Return the mean of the precisions of the classes, weighed by their rows."""
    return _weighted(tally, "precision")


def recall_weighted(tally: ClassTally) -> float:
    """Return the mean of the recalls of the classes, weighed by their rows."""
    return _weighted(tally, "recall")


def f1_weighted(tally: ClassTally) -> float:
    """Return the mean of the F1 of the classes, weighed by their rows."""
    return _weighted(tally, "f1")


def roc_auc(tally: ClassTally) -> float:
    """Return the area under the receiver operating characteristic: of each class against the rest, ties by half."""
    return _area(tally, tally.roc)


def pr_auc(tally: ClassTally) -> float:
    """Return the average precision, which is the area under the stepwise precision-recall curve."""
    return _area(tally, tally.pr)


def log_loss(tally: ClassTally) -> float:
    """Return the mean negative logarithm of the probability given to the true class, kept from 0 by 2.2e-16."""
    _scored(tally)
    if tally.unknown:
        raise UndefinedError("some rows are of a class that the model was not trained on")
    if tally.loss is None:
        raise UndefinedError("the model gives no probabilities")
    return float(tally.loss / tally.rows)


def quotient(name: str, hits: int, true: int, predicted: int) -> float | None:
    """Return the precision, recall or F1 of a class by its counts; None where nothing is to be divided by."""
    of_hits, of_true, of_predicted = _WEIGHTS[name]
    whole = of_true * true + of_predicted * predicted
    return of_hits * hits / whole if whole else None


def by_class(tally: ClassTally, name: str) -> list[float | None]:
    """Return the precision, recall or F1 of each class."""
    rows = zip(tally.hits.tolist(), tally.true.tolist(), tally.predicted.tolist(), strict=True)
    return [quotient(name, *row) for row in rows]


def _of_positive(tally: ClassTally, name: str) -> float:
    if len(tally.hits) != 2:
        return _mean(tally, name)
    value = by_class(tally, name)[_POSITIVE]
    if value is None:
        raise UndefinedError(_UNDEFINED[name])
    return value


def _mean(tally: ClassTally, name: str) -> float:
    present = (tally.true + tally.predicted) > 0
    values = [value or 0.0 for value, there in zip(by_class(tally, name), present.tolist(), strict=True) if there]
    classes = len(values) + (tally.unknown > 0)
    return math.fsum(values) / classes


def _weighted(tally: ClassTally, name: str) -> float:
    rows = tally.true.tolist()
    return math.fsum(n * (value or 0.0) for n, value in zip(rows, by_class(tally, name), strict=True)) / tally.rows


def _scored(tally: ClassTally) -> None:
    if tally.numbers is None:
        raise UndefinedError("the model gives no scores")
    if not tally.numbers:
        raise UndefinedError("the model gave scores that are not numbers")


def _area(tally: ClassTally, areas: Sequence[float] | None) -> float:
    _scored(tally)
    if tally.unknown:
        raise UndefinedError("some rows are of a class that the model was not trained on")
    if (tally.true == tally.rows).any():
        raise UndefinedError("all rows are of one class")
    empty = int((tally.true == 0).sum())
    if empty:
        raise UndefinedError(f"{empty} of {len(tally.true)} classes have no row")
    if not areas:
        raise UndefinedError("the model gave scores that are not numbers in other rows")
    return math.fsum(areas) / len(areas)
