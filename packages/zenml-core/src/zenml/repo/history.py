"""What ran in a repository: its pipelines, the steps of a type, and what trainers were given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zenml.metadata.records import StepRecord
from zenml.metadata.store import MetadataStore
from zenml.plugins.registry import find, type_name
from zenml.repo.readings import of_run
from zenml.runtime.run import run_row

if TYPE_CHECKING:
    from zenml.pipelines.pipeline import Pipeline
    from zenml.repo.repository import Repository

_STEP_KINDS = ("step", "datasource")


@dataclass(frozen=True)
class PastPipeline:
    """A pipeline that ran.

    Args:
        name: its name.
        runs: how often it ran.
        last_run: id of its newest run.
        state: in which state that is.
        started: when that started, as ISO 8601.
    """

    name: str
    runs: int
    last_run: str
    state: str
    started: str | None
    _repository: Repository = field(repr=False, compare=False)

    def load(self) -> Pipeline:
        """Return the pipeline as it last ran.

        Raises:
            ZenMLError: a class of it is no longer there, or takes other parameters now.
        """
        return self._repository.get_pipeline_by_name(self.name)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON types."""
        names = ("name", "runs", "state", "started", "last_run")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class PastStep:
    """A step of a run.

    Args:
        run: the run's id.
        pipeline: the pipeline that ran.
        config: what the step was given.
        record: how it went.
    """

    run: str
    pipeline: str
    config: Mapping[str, Any]
    record: StepRecord

    @property
    def id(self) -> str:
        """The step's name in its pipeline."""
        return self.record.id

    def row(self) -> dict[str, Any]:
        """Return what a table of steps shows."""
        record, row = self.record, self.to_json()
        names = ("run", "pipeline", "id", "type", "state", "duration")
        return {**{name: row[name] for name in names}, **record.metrics}

    def hyperparameters(self) -> dict[str, Any]:
        """Return what a table of trainers shows: the parameters, and what came of them."""
        metrics = {f"metrics.{name}": value for name, value in self.record.metrics.items()}
        return {"run": self.run, "pipeline": self.pipeline, "trainer": self.record.type, **self.config, **metrics}

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON types."""
        record = self.record
        ended = record.finished is not None and record.started is not None
        return {
            "run": self.run,
            "pipeline": self.pipeline,
            "id": record.id,
            "type": record.type,
            "state": str(record.state),
            "duration": round((record.finished or 0) - (record.started or 0), 6) if ended else None,
            "fingerprint": record.fingerprint,
            "config": dict(self.config),
            "metrics": dict(record.metrics),
        }


def past_pipelines(repository: Repository) -> Iterator[PastPipeline]:
    """Yield all pipelines that ever ran, in order of their first run."""
    metadata = repository.metadata_store
    for name in metadata.list_pipelines():
        runs = metadata.list_runs(pipeline=name)
        if runs:
            last = run_row(runs[0])
            yield PastPipeline(name, len(runs), last["id"], last["state"], last["started"], repository)


def past_steps(metadata: MetadataStore, kind: type | str | None = None, limit: int | None = None) -> Iterator[PastStep]:
    """Yield the steps of all runs, newest first.

    Args:
        metadata: where they are recorded.
        kind: only those of this type: a class, its registry name, or `module:Class`.
        limit: at most so many.

    Raises:
        PluginError: nothing of that type ran, and nobody offers it; the closest name is told.
    """
    name = type_name(kind) if isinstance(kind, type) else kind
    found = metadata.list_steps(type=name, limit=limit)
    if not found and name and ":" not in name:
        find(name, _STEP_KINDS)
    for run, record in found:
        pipeline, blocks = of_run(metadata, run)
        yield PastStep(run, pipeline, blocks[record.id].config if record.id in blocks else {}, record)


def hyperparameters(metadata: MetadataStore, pipeline: str | None = None) -> Iterator[PastStep]:
    """Yield the trainer steps of all runs, or of one pipeline's, newest first."""
    for step in past_steps(metadata):
        trains = step.record.type.endswith("Trainer") or any(row.type == "Model" for row in step.record.outputs)
        if trains and pipeline in (None, step.pipeline):
            yield step
