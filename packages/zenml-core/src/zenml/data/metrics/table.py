"""The table of metrics by name."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from zenml.data.metrics.measured import Measured, UndefinedError
from zenml.errors import ConfigError, Problem, closest

if TYPE_CHECKING:
    from zenml.data.metrics.tallies import Tally

Task = Literal["classification", "regression"]


@dataclass(frozen=True)
class Metric:
    """A metric; its formula is the function of that name in the module of that task, imported when it is computed.

    Args:
        name: the name under which it is recorded.
        task: the kind of label it is for.
        summary: what it is, in a line.
        greater_is_better: which way a better model moves it.
        aliases: other names for it.
    """

    name: str
    task: Task
    summary: str
    greater_is_better: bool
    aliases: tuple[str, ...] = ()

    def measure(self, tally: Tally) -> Measured:
        """Compute the metric; where it is not defined, say why."""
        if tally.rows == 0:
            return Measured(None, "there are no rows")
        formula = getattr(importlib.import_module(f"zenml.data.metrics.{self.task}"), self.name)
        try:
            return Measured(formula(tally))
        except UndefinedError as error:
            return Measured(None, str(error))
        except OverflowError:
            return Measured(None, "the value is too large for a number")


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            "accuracy", "classification",
            "part of the rows predicted rightly", True, ("binary_accuracy",),
        ),
        Metric(
            "precision", "classification",
            "part of the rows predicted positive that are positive", True,
        ),
        Metric(
            "recall", "classification",
            "part of the positive rows that are predicted positive", True,
        ),
        Metric("f1", "classification", "harmonic mean of precision and recall", True),
        Metric("precision_macro", "classification", "mean of the classes' precisions", True),
        Metric("recall_macro", "classification", "mean of the classes' recalls", True, ("balanced_accuracy",)),
        Metric("f1_macro", "classification", "mean of the classes' F1", True),
        Metric("precision_weighted", "classification", "the same, weighed by the classes' rows", True),
        Metric("recall_weighted", "classification", "the same, weighed by the classes' rows", True),
        Metric("f1_weighted", "classification", "the same, weighed by the classes' rows", True),
        Metric("roc_auc", "classification", "area under the ROC curve", True),
        Metric("pr_auc", "classification", "average precision", True),
        Metric(
            "log_loss", "classification",
            "mean negative logarithm of the true class's probability", False, ("binary_crossentropy",),
        ),
        Metric("mae", "regression", "mean absolute error", False),
        Metric("rmse", "regression", "root of the mean squared error", False),
        Metric("r2", "regression", "part of the variance that is explained", True),
    )
}  # fmt: skip
"""All metrics by name, without aliases."""

TOGETHER: dict[str, tuple[str, bool]] = {
    "subset_accuracy": ("part of the rows of which every label is predicted rightly", True),
    "hamming_loss": ("part of all labels of all rows that are predicted wrongly", False),
    "f1_micro": ("F1 of all labels counted together", True),
    "f1_macro": ("mean of the labels' F1", True),
}
"""What is measured of several labels of two classes each: a summary, and whether greater is better."""

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


def greater_is_better(name: str) -> bool:
    """Say which way a better model moves a value, by the name that it has in `run.metrics`.

    Of a name that is not in the tables, such as one of the user's own, a loss or an error should be low.
    """
    metric = name.rpartition("/")[2]
    if metric in _BY_NAME:
        return _BY_NAME[metric].greater_is_better
    return TOGETHER[metric][1] if metric in TOGETHER else not metric.endswith(("loss", "crossentropy", "error", "mse"))
