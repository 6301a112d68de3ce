"""The quality gate: bounds that metrics must keep for a pipeline to go on."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from zenml.data.metrics import Measured
from zenml.data.metrics.table import METRICS, TOGETHER, Metric, find_metric
from zenml.errors import ConfigError, Problem
from zenml.steps.trainer.prediction import LabelInfo

Side = Literal["min", "max"]


@dataclass(frozen=True)
class Bound:
    """A bound that a metric must keep.

    Args:
        metric: its name, or `label/name`; aliases are resolved.
        side: whether the value must be at least (`min`) or at most (`max`) the bound.
        value: the bound.
    """

    metric: str
    side: Side
    value: float

    def judge(self, measured: Measured | None) -> Verdict:
        """Say whether a measured value keeps the bound; what has no value does not."""
        value = measured.value if measured else None
        if value is None:
            return Verdict(self, None, False, measured.reason if measured else "it was not measured")
        return Verdict(self, value, value >= self.value if self.side == "min" else value <= self.value)


@dataclass(frozen=True)
class Verdict:
    """Whether a bound is kept.

    Args:
        bound: the bound.
        value: the metric's value; None where it is not defined.
        kept: whether the value keeps the bound.
        reason: why there is no value.
    """

    bound: Bound
    value: float | None
    kept: bool
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the verdict as JSON types."""
        bound = self.bound
        row = {"metric": bound.metric, bound.side: bound.value, "value": self.value, "kept": self.kept}
        return {**row, "reason": self.reason} if self.reason else row

    def __str__(self) -> str:
        most = "at least" if self.bound.side == "min" else "at most"
        if self.value is None:
            return f"{self.bound.metric} is not defined ({self.reason}), and must be {most} {self.bound.value:g}"
        return f"{self.bound.metric} is {self.value:.6g}, and must be {most} {self.bound.value:g}"


def parts(name: str) -> tuple[str, str]:
    """Return label and metric of a name; the label is empty in a plain one."""
    label, _, metric = name.rpartition("/")
    return label, metric


def bounds(minima: Mapping[str, float], maxima: Mapping[str, float]) -> list[Bound]:
    """Return the bounds; their metrics exist."""
    found = []
    sides: tuple[tuple[Side, Mapping[str, float]], ...] = (("min", minima), ("max", maxima))
    for side, given in sides:
        for name, value in given.items():
            label, metric = parts(name)
            resolved = metric if metric in TOGETHER and metric not in METRICS else find_metric(metric).name
            found.append(Bound(f"{label}/{resolved}" if label else resolved, side, value))
    return found


def bound_problems(minima: Mapping[str, float], maxima: Mapping[str, float], place: str) -> Iterator[Problem]:
    """Find bounds of metrics that do not exist, on the wrong side, or that no value can keep."""
    for field, given in (("min_metrics", minima), ("max_metrics", maxima)):
        for name, value in given.items():
            where = f"{place}.{field}.{name}"
            try:
                greater, least, most = _range(parts(name)[1], where)
            except ConfigError as error:
                yield from error.problems
                continue
            if greater != (field == "min_metrics"):
                other = "min_metrics" if greater else "max_metrics"
                way = "the greater the better" if greater else "the less the better"
                yield Problem(f"{parts(name)[1]} is {way}", where, f"Bound it in {other}")
            elif not least <= value <= most:
                yield Problem(f"{parts(name)[1]} is never {_beyond(value, least)} {value:g}", where, (
                    f"It is from {least:g} to {most:g}"
                ))  # fmt: skip


def label_problems(
    minima: Mapping[str, float], maxima: Mapping[str, float], labels: Sequence[LabelInfo], place: str
) -> Iterator[Problem]:
    """Find bounds that do not fit what the model predicts."""
    tasks = {label.name: label.task for label in labels}
    several = len(tasks) > 1
    multi = several and all(len(label.classes) == 2 for label in labels)
    for field, given in (("min_metrics", minima), ("max_metrics", maxima)):
        for name in given:
            label, metric = parts(name)
            where = f"{place}.{field}.{name}"
            if not label and (multi and metric in TOGETHER):
                continue
            if metric in TOGETHER and metric not in METRICS:
                yield Problem(f"{metric} is measured of several labels of two classes each together", where)
            elif not label and several:
                example = f"{next(iter(tasks))}/{metric}"
                yield Problem("the model predicts several labels", where, f"Name one: {example}")
            elif label and label not in tasks:
                yield Problem(f"the model does not predict {label!r}", where, f"Labels: {', '.join(tasks)}")
            else:
                task = tasks[label or next(iter(tasks))]
                row = find_metric(metric)
                if row.task != task:
                    fitting = ", ".join(other.name for other in METRICS.values() if other.task == task)
                    what = f"{metric} is a metric of a {row.task}, and this label is a {task}"
                    yield Problem(what, where, f"Metrics of a {task}: {fitting}")


def gated(bound: Sequence[Bound], label: str, only: bool) -> list[Metric]:
    """Return the metrics of a label that bounds need.

    Args:
        bound: the bounds.
        label: the label.
        only: whether the model predicts no other, so that plain names mean it.
    """
    found = []
    for row in bound:
        owner, metric = parts(row.metric)
        if metric in METRICS and (owner == label or (only and not owner)):
            found.append(METRICS[metric])
    return found


def _range(metric: str, where: str) -> tuple[bool, float, float]:
    """Return whether greater is better, and the least and the greatest value that a metric can have."""
    if metric in TOGETHER:
        return TOGETHER[metric][1], 0.0, 1.0
    row = find_metric(metric, where)
    if row.name == "r2":
        return True, -math.inf, 1.0
    return row.greater_is_better, 0.0, math.inf if row.name in ("log_loss", "mae", "rmse") else 1.0


def _beyond(value: float, least: float) -> str:
    return "as little as" if value < least else "as much as"
