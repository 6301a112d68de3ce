"""Readings: every time that a run of a repository read data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from zenml.artifacts.types import Examples
from zenml.metadata.records import ArtifactRecord, State
from zenml.metadata.store import MetadataStore
from zenml.spec.model import StepSpec
from zenml.spec.yaml_format import read_yaml

_READ = (State.COMPLETE, State.CACHED)
_RUNS: dict[str, tuple[str, Mapping[str, StepSpec]]] = {}


@dataclass(frozen=True)
class Reading:
    """That a run read data.

    Args:
        name: what the data are called.
        pipeline: the pipeline that ran.
        run: the run.
        step: the datasource, as the run's spec holds it.
        output: the artifact that the data are.
        finished: when they were read, in seconds since the epoch.
    """

    name: str
    pipeline: str
    run: str
    step: StepSpec
    output: ArtifactRecord
    finished: float | None


def readings(store: MetadataStore) -> Iterator[Reading]:
    """Yield every time that a run read data, newest first."""
    for run, step in store.list_steps():
        outputs = [row for row in step.outputs if row.type == Examples.__name__]
        if step.inputs or step.state not in _READ or not outputs:
            continue
        pipeline, blocks = of_run(store, run)
        block = blocks.get(step.id)
        if block and "name" in block.config:
            yield Reading(str(block.config["name"]), pipeline, run, block, outputs[0], step.finished)


def of_run(store: MetadataStore, run: str) -> tuple[str, Mapping[str, StepSpec]]:
    """Return the pipeline of a run and its steps by id, which never change: a run is looked up once in a process."""
    if run not in _RUNS:
        record = store.get_run(run)
        if record is None:
            return "", {}
        _RUNS[run] = record.pipeline, _blocks(record.spec)
    return _RUNS[run]


@lru_cache(maxsize=64)
def _blocks(text: str) -> Mapping[str, StepSpec]:
    """Return the steps of a spec by id; runs of one pipeline mostly have the same text."""
    return {step.id: step for step in read_yaml(text)[0].steps}
