"""Measuring: the metrics of evaluators on some rows, while a model is still being trained."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from zenml.data.metrics.grouping import Whole
from zenml.data.metrics.outcomes import Outcomes
from zenml.data.metrics.table import find_metric
from zenml.data.metrics.tallies import tally
from zenml.steps.trainer.names import canonical
from zenml.steps.trainer.prediction import LabelInfo


def truth_of(label: LabelInfo, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return what was true of a label, as `Outcomes` takes it: positions of classes, -1 for an unknown one, or numbers.

    Args:
        label: the label.
        values: its column, as a reader gives it.
    """
    if label.task == "regression":
        return values
    codes = np.array(label.codes)
    at = np.minimum(np.searchsorted(codes, values), len(codes) - 1)
    found: npt.NDArray[Any] = np.where(codes[at] == values, at, -1)
    return found


def measure(names: Iterable[str], outcomes: Outcomes) -> dict[str, float]:
    """Return the metrics that are defined for the rows and fit their task; others are left out.

    Args:
        names: as users write them.
        outcomes: the rows.
    """
    metrics = [find_metric(canonical(name)) for name in names]
    if outcomes.scores is None:
        outcomes = outcomes.rows(np.isfinite(outcomes.truth))
    (counted,) = tally(outcomes, Whole(len(outcomes)), ranked=any(row.name.endswith("_auc") for row in metrics))
    task = "regression" if outcomes.scores is None else "classification"
    values = {metric.name: metric.measure(counted).value for metric in metrics if metric.task == task}
    return {name: value for name, value in values.items() if value is not None}
