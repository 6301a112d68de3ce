"""Metrics of a regression."""

from __future__ import annotations

import math
from fractions import Fraction

from zenml.data.metrics.measured import UndefinedError
from zenml.data.metrics.tallies import NumberTally

_TOO_LARGE = "the value is too large for a number"


def mae(tally: NumberTally) -> float:
    """Return the mean absolute error, in units of the label."""
    return _mean(tally, tally.absolute)


def rmse(tally: NumberTally) -> float:
    """Return the root of the mean squared error, in units of the label."""
    return math.sqrt(_mean(tally, tally.squared))


def r2(tally: NumberTally) -> float:
    """Return the part of the label's variance that the predictions explain; negative when worse than the mean."""
    _check(tally)
    if tally.rows < 2:
        raise UndefinedError("one row has no variance")
    if tally.constant:
        raise UndefinedError("the label has the same value in all rows")
    if tally.squared is None or tally.spread is None or tally.total is None:
        raise UndefinedError(_TOO_LARGE)
    spread = tally.spread - tally.total * tally.total / tally.rows
    if spread <= 0:
        raise UndefinedError("the label's variance is too small to be computed")
    return float(1 - tally.squared / spread)


def _mean(tally: NumberTally, total: Fraction | None) -> float:
    _check(tally)
    if total is None:
        raise UndefinedError(_TOO_LARGE)
    return float(total / tally.rows)


def _check(tally: NumberTally) -> None:
    if tally.wild:
        raise UndefinedError("the model predicted values that are not finite numbers")
