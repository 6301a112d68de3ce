"""Evaluated: what was measured of a model, and its form in `evaluation.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from zenml.data.metrics import Measured
from zenml.data.metrics.together import TogetherCounts
from zenml.steps.evaluator.columns import Value
from zenml.steps.evaluator.gate import Verdict
from zenml.steps.trainer.prediction import LabelInfo

FORMAT = 2
"""Version of `evaluation.json`; a page of another one is refused."""

EVALUATION_FILE = "evaluation.json"


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
        extras: what else is shown of it overall, as JSON types: confusions and curves, or predictions against truth.
    """

    label: LabelInfo
    without_value: int
    overall: Part
    slices: tuple[Slice, ...]
    extras: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the label's metrics as JSON types."""
        return {
            **self.label.to_json(),
            "without_value": self.without_value,
            "metrics": list(self.overall.metrics),
            "overall": self.overall.to_json(),
            **self.extras,
            "slices": [part.to_json() for part in self.slices],
        }


@dataclass(frozen=True)
class Evaluated:
    """All metrics of a model on a split; `notes` are for people."""

    rows: int
    labels: tuple[LabelEvaluation, ...]
    together: TogetherCounts | None
    notes: tuple[str, ...]

    def to_json(self, split: str, verdicts: Sequence[Verdict]) -> dict[str, Any]:
        """Return the content of `evaluation.json`."""
        row: dict[str, Any] = {
            "format": FORMAT,
            "split": split,
            "rows": self.rows,
            "labels": [label.to_json() for label in self.labels],
            "gate": [verdict.to_json() for verdict in verdicts],
            "notes": list(self.notes),
        }
        if self.together:
            row["together"] = {"rows": self.together.rows, "metrics": self.together.result()}
        return row

    def measured(self) -> dict[str, Measured]:
        """Return the metrics overall by name, or by `label/name` where there are several labels."""
        found = {
            name if len(self.labels) == 1 else f"{label.label.name}/{name}": measured
            for label in self.labels
            for name, measured in label.overall.metrics.items()
        }
        together = self.together.result() if self.together else {}
        return {**found, **{name: Measured(value) for name, value in together.items()}}

    def flat(self) -> dict[str, float]:
        """Return those of `measured` that have a value."""
        return {name: row.value for name, row in self.measured().items() if row.value is not None}
