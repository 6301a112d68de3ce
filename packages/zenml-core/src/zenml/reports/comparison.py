"""Comparison: runs side by side, with what they were given and what came out."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from zenml.data.metrics.table import greater_is_better
from zenml.errors import SpecError
from zenml.metadata.liveness import seen
from zenml.metadata.records import RunRecord
from zenml.reports.frame import data_frame
from zenml.spec.yaml_format import read_yaml

if TYPE_CHECKING:
    from zenml.reports.page import Page

_FACTS = {"git_sha": "code.commit", "git_dirty": "code.uncommitted", "python": "code.python", "zenml": "code.zenml"}
_DIGEST = re.compile(r"[0-9a-f]{40,}")
_MOST = 24


@dataclass(frozen=True)
class ComparedRun:
    """One run.

    Args:
        id: the run's id.
        pipeline: the pipeline's name.
        state: in which state it is.
        started: seconds since the epoch.
        duration: seconds; None before its end.
        metrics: name to value.
        parameters: all that it was given, by `STEP.PARAMETER`, and its seed, data (by digest) and code.
    """

    id: str
    pipeline: str
    state: str
    started: float | None
    duration: float | None
    metrics: Mapping[str, float]
    parameters: Mapping[str, Any]

    @classmethod
    def of(cls, record: RunRecord) -> ComparedRun:
        """Return the run of a record that holds its spec and steps."""
        record = seen(record)
        data = {
            f"data.{row.name}" if len(step.outputs) == 1 else f"data.{step.id}.{row.name}": row.digest
            for step in record.steps
            for row in step.outputs
            if not step.inputs
        }
        code = {name: record.facts[fact] for fact, name in _FACTS.items() if record.facts.get(fact)}
        started, finished = record.started, record.finished
        return cls(
            id=record.id,
            pipeline=record.pipeline,
            state=str(record.state),
            started=started,
            duration=None if started is None or finished is None else round(finished - started, 6),
            metrics={name: value for step in record.steps for name, value in step.run_metrics.items()},
            parameters={**_given(record.spec), **data, **code},
        )

    def to_json(self) -> dict[str, Any]:
        """Return the run as JSON types."""
        started = self.started and datetime.fromtimestamp(self.started, UTC).isoformat(timespec="seconds")
        return {
            "id": self.id,
            "pipeline": self.pipeline,
            "state": self.state,
            "started": started,
            "duration": self.duration,
            "metrics": dict(self.metrics),
            "parameters": dict(self.parameters),
        }


class Comparison(Sequence[ComparedRun]):
    """Runs side by side, newest first. It prints as a table, in a terminal and in a notebook.

    Args:
        records: the runs, with their specs and steps.
    """

    def __init__(self, records: Iterable[RunRecord]) -> None:
        self.runs = tuple(ComparedRun.of(record) for record in records)

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """The names of all metrics, in the order in which runs have them."""
        return tuple(dict.fromkeys(name for run in self.runs for name in run.metrics))

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """The names of all that the runs were given."""
        return tuple(dict.fromkeys(name for run in self.runs for name in run.parameters))

    @cached_property
    def differing(self) -> tuple[str, ...]:
        """The names of what not all runs were given alike; what only some were given counts."""
        return tuple(name for name in self.parameters if len({value_text(row) for row in self.values(name)}) > 1)

    def values(self, name: str) -> list[Any]:
        """Return what each run was given under a name; None where it was not."""
        return [run.parameters.get(name) for run in self.runs]

    def best(self, metric: str) -> ComparedRun | None:
        """Return the run with the best value of a metric: the lowest of a loss or an error, the highest of others."""
        having = [run for run in self.runs if math.isfinite(run.metrics.get(metric, math.nan))]
        return (max if greater_is_better(metric) else min)(having, key=lambda run: run.metrics[metric], default=None)

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as JSON types."""
        best = {metric: run.id for metric in self.metrics if (run := self.best(metric))}
        runs = [run.to_json() for run in self.runs]
        return {"runs": runs, "metrics": list(self.metrics), "differing": list(self.differing), "best": best}

    def to_pandas(self) -> Any:
        """Return a pandas data frame: a row for each run, by its id; each metric and parameter is a column.

        Raises:
            PluginError: pandas is not installed.
        """
        rows = []
        for run in self.runs:
            row = run.to_json()
            metrics, parameters = row.pop("metrics"), row.pop("parameters")
            rows.append({**row, **{f"metrics.{name}": metrics.get(name) for name in self.metrics}, **parameters})
        return data_frame(rows, index="id")

    def page(self, title: str = "Comparison of runs") -> Page:
        """Return an HTML page; `.write(path)` writes it, `.open()` then shows it."""
        from zenml.reports.comparison_page import comparison_page

        return comparison_page(title, self)

    def rows(self) -> list[dict[str, str]]:
        """Return a table of texts: the runs with their metrics and what differs."""
        return [
            {
                "run": run.id,
                "pipeline": run.pipeline,
                "state": run.state,
                **{name: f"{run.metrics[name]:.4f}" if name in run.metrics else "" for name in self.metrics},
                **{name: short_text(run.parameters.get(name)) for name in self.differing},
            }
            for run in self.runs
        ]

    def print(self) -> None:
        """Print the table, as many columns of it as fit."""
        from zenml.reports.frame import print_rows

        print_rows(self.rows(), empty="No run to compare")

    def __getitem__(self, index: Any) -> Any:
        """Return a run by its number, 0 for the newest."""
        return self.runs[index]

    def __len__(self) -> int:
        return len(self.runs)

    def __repr__(self) -> str:
        from zenml.reports.frame import text_table

        return text_table(self.rows()) or "no run to compare"

    def _repr_html_(self) -> str:
        return self.page()._repr_html_()


def value_text(value: Any) -> str:
    """Return a parameter's value as text: strings as they are, all else as JSON; empty where there is none."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def short_text(value: Any) -> str:
    """Return a parameter's value in 24 characters at most; of a digest or a commit the beginning is enough."""
    text = value_text(value).removeprefix("sha256:")
    if _DIGEST.fullmatch(text):
        return text[:12]
    return text if len(text) <= _MOST else f"{text[: _MOST - 1]}…"


@lru_cache(maxsize=256)
def _given(text: str) -> Mapping[str, Any]:
    """Return what a spec gives its steps, by `STEP.PARAMETER`, nested ones by further dots."""
    try:
        spec, _ = read_yaml(text)
    except SpecError:
        return {}  # of a later version of ZenML, say: its metrics still compare
    found: dict[str, Any] = {"seed": spec.seed}
    for step in spec.steps:
        found[f"{step.id}.type"] = step.type
        _flatten(step.id, step.config, found)
        if step.backend:
            found[f"{step.id}.backend"] = step.backend.type
            _flatten(f"{step.id}.backend", step.backend.config, found)
    return found


def _flatten(prefix: str, config: Mapping[str, Any], found: dict[str, Any]) -> None:
    for name, value in config.items():
        if isinstance(value, Mapping) and value:
            _flatten(f"{prefix}.{name}", value, found)
        else:
            found[f"{prefix}.{name}"] = value
