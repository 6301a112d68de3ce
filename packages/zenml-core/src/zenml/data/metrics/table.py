"""The table of metrics by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from zenml.data.metrics import classification, regression
from zenml.data.metrics.measured import Measured, UndefinedError
from zenml.data.metrics.outcomes import Outcomes
from zenml.errors import ConfigError, Problem, closest

Task = Literal["classification", "regression"]


@dataclass(frozen=True)
class Metric:
    """A metric.

    Args:
        name: the name under which it is recorded.
        task: the kind of label it is for.
        formula: computes it from at least one row, or raises `UndefinedError`.
        summary: what it is, in a line.
        greater_is_better: which way a better model moves it.
        aliases: other names for it.
    """

    name: str
    task: Task
    formula: Callable[[Outcomes], float]
    summary: str
    greater_is_better: bool
    aliases: tuple[str, ...] = ()

    def measure(self, outcomes: Outcomes) -> Measured:
        """Compute the metric; where it is not defined, say why."""
        if len(outcomes) == 0:
            return Measured(None, "there are no rows")
        try:
            with np.errstate(all="ignore"):
                value = self.formula(outcomes)
        except UndefinedError as error:
            return Measured(None, str(error))
        return Measured(value) if math.isfinite(value) else Measured(None, "the value is too large for a number")


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            "accuracy", "classification", classification.accuracy,
            "part of the rows predicted rightly", True, ("binary_accuracy",),
        ),
        Metric(
            "precision", "classification", classification.precision,
            "part of the rows predicted positive that are positive", True,
        ),
        Metric(
            "recall", "classification", classification.recall,
            "part of the positive rows that are predicted positive", True,
        ),
        Metric("f1", "classification", classification.f1, "harmonic mean of precision and recall", True),
        Metric("roc_auc", "classification", classification.roc_auc, "area under the ROC curve", True),
        Metric("pr_auc", "classification", classification.pr_auc, "average precision", True),
        Metric(
            "log_loss", "classification", classification.log_loss,
            "mean negative logarithm of the true class's probability", False, ("binary_crossentropy",),
        ),
        Metric("mae", "regression", regression.mae, "mean absolute error", False),
        Metric("rmse", "regression", regression.rmse, "root of the mean squared error", False),
        Metric("r2", "regression", regression.r2, "part of the variance that is explained", True),
    )
}  # fmt: skip
"""All metrics by name, without aliases."""

DEFAULTS: dict[Task, tuple[str, ...]] = {
    "classification": ("accuracy", "roc_auc", "log_loss"),
    "regression": ("mae", "rmse", "r2"),
}
"""What is measured of a label for which no metric is named."""

_BY_NAME = METRICS | {alias: metric for metric in METRICS.values() for alias in metric.aliases}


def find_metric(name: str, where: str = "") -> Metric:
    """Return the metric called `name`, or by one of its aliases.

    Raises:
        ConfigError: there is none; names the closest.
    """
    if name not in _BY_NAME:
        mend = closest(name, _BY_NAME) or f"Known: {', '.join(sorted(_BY_NAME))}"
        raise ConfigError(Problem(f"there is no metric {name!r}", where, mend))
    return _BY_NAME[name]
