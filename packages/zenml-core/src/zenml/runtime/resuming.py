"""Resuming: which run may go on, and what of it counts already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from zenml.artifacts.elsewhere import how_to_reach
from zenml.backends.launch import Launch
from zenml.errors import ConfigError, Problem, StoreError
from zenml.metadata.liveness import seen_state
from zenml.metadata.records import ArtifactRecord, RunRecord, State, StepRecord
from zenml.metadata.store import MetadataStore
from zenml.runtime.graph import Graph
from zenml.runtime.step_run import StepRun
from zenml.spec.changes import changes

_PUBLISHED = (State.COMPLETE, State.CACHED)
_ANEW = "Run the pipeline anew, without resume; what has not changed comes from the cache"


@dataclass(frozen=True)
class Before:
    """What a run that goes on has behind it.

    Args:
        published: outputs by name of the steps that count already, by step.
        attempts: how many attempts there were at the other steps.
    """

    published: Mapping[str, Mapping[str, ArtifactRecord]] = field(default_factory=dict)
    attempts: Mapping[str, int] = field(default_factory=dict)


def resumable(metadata: MetadataStore, run_id: str, *, take_over: bool = False) -> RunRecord:
    """Return a run that may go on.

    Args:
        metadata: where it is recorded.
        run_id: its id.
        take_over: end it as LOST where nothing is known of its process, which can then publish nothing more.

    Raises:
        StoreError: there is no such run.
        ConfigError: it is COMPLETE, or going on.
    """
    run = metadata.get_run(run_id)
    if run is None:
        raise StoreError(f"there is no run {run_id!r}", mend="See: zenml run list")
    state = seen_state(run)
    if state is State.COMPLETE:
        raise ConfigError(f"run {run_id} is COMPLETE: there is nothing left to do", mend=_ANEW)
    if state is State.RUNNING:
        owner = f"process {run.owner.pid} on {run.owner.host.partition('/')[0]}"
        if not take_over:
            mend = f"Stop it: zenml run cancel {run_id}. If that machine is gone: zenml run resume {run_id} --take-over"
            raise ConfigError(f"run {run_id} is RUNNING, by {owner}", mend=mend)
        metadata.end_run(run_id, state=State.LOST, error=f"taken over from {owner}")
    return run


def look_back(launch: Launch, graph: Graph) -> Before:
    """Return what counts already of the run that a launch resumes.

    Raises:
        StoreError: there is no such run.
        ConfigError: the run cannot go on with this pipeline: a published step has changed or its output is gone, all of
            that; or the steps are others; or the run keeps its artifacts in another store.
    """
    record = resumable(launch.metadata, launch.run_id)
    recorded = {step.id: step for step in record.steps}
    if recorded.keys() != graph.by_id.keys() or record.pipeline != launch.spec.name:
        what = f"run {record.id} is of {record.pipeline!r} with the steps {', '.join(recorded)}, not of this pipeline"
        raise ConfigError(what, mend=_ANEW)
    place = record.facts.get("artifact_store", launch.store.place)
    if place != launch.store.place:
        what = f"run {record.id} keeps its artifacts at {place}, and here they are kept at {launch.store.place}"
        raise ConfigError(what, mend=how_to_reach(place))
    published: dict[str, dict[str, ArtifactRecord]] = {}
    problems: list[Problem] = []
    for node in graph.nodes:
        step = recorded[node.id]
        if step.state in _PUBLISHED:
            published[node.id] = {row.name: row for row in step.outputs}
            problems += _changes(StepRun(launch, node, published), step)
    if problems:
        raise ConfigError(problems)
    attempts = {step.id: _number(step.attempt) for step in record.steps if step.id not in published}
    return Before(published, attempts)


def _changes(run: StepRun, recorded: StepRecord) -> list[Problem]:
    """Return why what a step published does not count any more."""
    where = f"step {run.node.id}"
    print_ = run.fingerprint(run.inputs())[1]
    if print_.digest != recorded.fingerprint:
        found = changes(recorded.fingerprint_parts, print_.parts) if recorded.fingerprint_parts else []
        what = "; ".join(found) or "its code, config, data or versions"
        return [Problem(f"it is published, and has changed since: {what}", where, f"Undo that, or: {_ANEW}")]
    for row in recorded.outputs:
        try:
            run.launch.store.open(row.uri)
        except StoreError as error:
            return [Problem(f"its output {row.name} is not as it was published: {error}", where, _ANEW)]
    return []


def _number(attempt: str) -> int:
    return int(attempt.rpartition(".")[2]) if attempt else 0
