"""MeasuredModel: an evaluation as it was published."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zenml.errors import DataError
from zenml.steps.evaluator.evaluated import EVALUATION_FILE, FORMAT
from zenml.steps.evaluator.worst_rows import WORST_FILE


@dataclass(frozen=True)
class MeasuredModel:
    """What an evaluator step wrote.

    Args:
        content: what `evaluation.json` holds.
        worst: the worst rows, each with the columns of `worst_rows.arrow`; empty where none were kept.
    """

    content: Mapping[str, Any]
    worst: Sequence[Mapping[str, Any]]

    @property
    def labels(self) -> Sequence[Mapping[str, Any]]:
        """The labels, each with its metrics."""
        found: Sequence[Mapping[str, Any]] = self.content["labels"]
        return found

    @property
    def metrics(self) -> dict[str, float]:
        """The metrics overall that have a value, under the names of `run.metrics`."""
        found = {
            self.name_of(label, name): value
            for label in self.labels
            for name, value in in_order(label, label["overall"]["metrics"])
            if value is not None
        }
        return {**found, **self.content.get("together", {}).get("metrics", {})}

    def name_of(self, label: Mapping[str, Any], metric: str) -> str:
        """Return the name that a metric of a label has in `run.metrics`."""
        return metric if len(self.labels) == 1 else f"{label['name']}/{metric}"

    @property
    def primary(self) -> str:
        """The metric by which models are compared: the first of the first label; empty where there is none."""
        return next(iter(self.metrics), "")


def in_order(label: Mapping[str, Any], metrics: Mapping[str, float | None]) -> list[tuple[str, float | None]]:
    """Return metrics of a label in the order in which they were asked for."""
    return [(name, metrics[name]) for name in label["metrics"]]


def measured_model(folder: Path) -> MeasuredModel:
    """Read a published evaluation.

    Args:
        folder: the artifact's.

    Raises:
        DataError: it is missing, damaged, or of another version of ZenML.
    """
    file = folder / EVALUATION_FILE
    try:
        content = json.loads(file.read_bytes())
        version = content["format"]
    except FileNotFoundError:
        raise DataError("there is no evaluation", str(file)) from None
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"the evaluation is damaged ({type(error).__name__}: {error})", str(file)) from error
    if version != FORMAT:
        what = f"the evaluation has format {version}, and this ZenML shows format {FORMAT}"
        raise DataError(what, str(file), "Run the pipeline again")
    return MeasuredModel(content, _worst(folder / WORST_FILE))


def has_measures(folder: Path) -> bool:
    """Say whether an artifact holds what `measured_model` reads; an evaluation of another step may hold anything."""
    return (folder / EVALUATION_FILE).exists()


def _worst(file: Path) -> Sequence[Mapping[str, Any]]:
    if not file.exists():
        return []
    import pyarrow as pa

    with pa.memory_map(str(file)) as source, pa.ipc.open_file(source) as reader:
        table = reader.read_all()
    columns = [column.to_pylist() for column in table.columns]
    return [dict(zip(table.column_names, row, strict=True)) for row in zip(*columns, strict=True)]
