"""Measuring: metrics of collected predictions, overall and by slice, and their form in `evaluation.json`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from zenml.data.metrics import Measured, Metric
from zenml.data.metrics.outcomes import Outcomes
from zenml.steps.evaluator.collecting import Collected
from zenml.steps.evaluator.slicing import Value, groups
from zenml.steps.trainer.prediction import LabelInfo

FORMAT = 1


@dataclass(frozen=True)
class Part:
    """Metrics of some rows: how many there are, and each metric by name."""

    rows: int
    metrics: Mapping[str, Measured]

    def to_json(self) -> dict[str, Any]:
        """Return the part as JSON types; a metric without a value is null, and `undefined` says why."""
        row: dict[str, Any] = {
            "rows": self.rows,
            "metrics": {name: measured.value for name, measured in self.metrics.items()},
        }
        reasons = {name: measured.reason for name, measured in self.metrics.items() if measured.value is None}
        return {**row, "undefined": reasons} if reasons else row


@dataclass(frozen=True)
class Slice:
    """Metrics of the groups of rows with equal values in some columns.

    Args:
        columns: the columns.
        groups: values and metrics, in order of the values.
        left_out: how many smaller groups are not told.
        rows_left_out: how many rows are in those.
    """

    columns: tuple[str, ...]
    groups: tuple[tuple[Mapping[str, Value], Part], ...]
    left_out: int
    rows_left_out: int

    def to_json(self) -> dict[str, Any]:
        """Return the slice as JSON types."""
        return {
            "columns": list(self.columns),
            "groups": [{"values": dict(values), **part.to_json()} for values, part in self.groups],
            "left_out": {"groups": self.left_out, "rows": self.rows_left_out},
        }


@dataclass(frozen=True)
class LabelEvaluation:
    """Metrics of one label.

    Args:
        label: the label.
        without_value: rows that have no true value of it, and are in no metric.
        overall: metrics of all other rows.
        slices: metrics by slice.
    """

    label: LabelInfo
    without_value: int
    overall: Part
    slices: tuple[Slice, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the label's metrics as JSON types."""
        return {
            **self.label.to_json(),
            "without_value": self.without_value,
            "overall": self.overall.to_json(),
            "slices": [part.to_json() for part in self.slices],
        }


@dataclass(frozen=True)
class Evaluated:
    """All metrics of a model on a split; `notes` are for people."""

    rows: int
    labels: tuple[LabelEvaluation, ...]
    notes: tuple[str, ...]

    def to_json(self, split: str) -> dict[str, Any]:
        """Return the content of `evaluation.json`."""
        return {
            "format": FORMAT,
            "split": split,
            "rows": self.rows,
            "labels": [label.to_json() for label in self.labels],
            "notes": list(self.notes),
        }

    def flat(self) -> dict[str, float]:
        """Return the metrics overall that have a value, by name, or by `label/name` where there are several labels."""
        return {
            name if len(self.labels) == 1 else f"{label.label.name}/{name}": measured.value
            for label in self.labels
            for name, measured in label.overall.metrics.items()
            if measured.value is not None
        }


def measure(
    collected: Collected, metrics: Mapping[str, Sequence[Metric]], slices: Sequence[Sequence[str]]
) -> Evaluated:
    """Compute the metrics of each label, overall and for each slice."""
    labels = tuple(_label(collected, label, metrics[label.name], slices) for label in collected.labels)
    notes = [note for column in collected.columns.values() for note in column.notes]
    return Evaluated(collected.rows, labels, tuple(dict.fromkeys([*notes, *_notes(labels)])))


def _label(
    collected: Collected, label: LabelInfo, metrics: Sequence[Metric], slices: Sequence[Sequence[str]]
) -> LabelEvaluation:
    outcomes, columns = collected.outcomes[label.name], collected.columns
    known = collected.known[label.name]
    if not known.all():
        outcomes = outcomes.rows(known)
        columns = {name: replace(column, codes=column.codes[known]) for name, column in columns.items()}
    sliced = []
    for names in slices:
        told, left_out = groups({name: columns[name] for name in names})
        parts = tuple((group.values, _part(outcomes.rows(group.rows), metrics)) for group in told)
        sliced.append(Slice(tuple(names), parts, len(left_out), sum(len(group.rows) for group in left_out)))
    return LabelEvaluation(label, int(np.count_nonzero(~known)), _part(outcomes, metrics), tuple(sliced))


def _part(outcomes: Outcomes, metrics: Sequence[Metric]) -> Part:
    return Part(len(outcomes), {metric.name: metric.measure(outcomes) for metric in metrics})


def _notes(labels: Sequence[LabelEvaluation]) -> Iterator[str]:
    for row in labels:
        name = row.label.name
        if row.without_value:
            yield f"{row.without_value} rows without a value of {name} are left out of its metrics"
        for metric, measured in row.overall.metrics.items():
            if measured.value is None:
                yield f"{metric} of {name} is not defined: {measured.reason}"
        for part in row.slices:
            if part.left_out:
                yield (
                    f"{' x '.join(part.columns)} has {part.left_out} smaller groups, "
                    f"of {part.rows_left_out} rows, that are not told apart"
                )
