"""Metrics of a regression."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from zenml.data.metrics.measured import UndefinedError
from zenml.data.metrics.outcomes import Outcomes


def mae(outcomes: Outcomes) -> float:
    """Return the mean absolute error, in units of the label."""
    return float(np.abs(_errors(outcomes)).mean())


def rmse(outcomes: Outcomes) -> float:
    """Return the root of the mean squared error, in units of the label."""
    return math.sqrt(float(np.square(_errors(outcomes)).mean()))


def r2(outcomes: Outcomes) -> float:
    """Return the part of the label's variance that the predictions explain; negative when worse than the mean."""
    errors = _errors(outcomes)
    if len(outcomes) < 2:
        raise UndefinedError("one row has no variance")
    if (outcomes.truth == outcomes.truth[0]).all():
        raise UndefinedError("the label has the same value in all rows")
    spread = float(np.square(outcomes.truth - outcomes.truth.mean()).sum())
    if spread == 0:
        raise UndefinedError("the label's variance is too small to be computed")
    return 1 - float(np.square(errors).sum()) / spread


def _errors(outcomes: Outcomes) -> npt.NDArray[np.float64]:
    errors: npt.NDArray[np.float64] = outcomes.truth - outcomes.predicted
    if not np.isfinite(errors).all():
        raise UndefinedError("the model predicted values that are not finite numbers")
    return errors
