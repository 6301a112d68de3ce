"""Runs to record in the tests of a metadata store."""

# ruff: noqa: S101 - used by suites for pytest, which check by assert
from __future__ import annotations

from dataclasses import replace

from zenml.metadata.records import ArtifactRecord, Owner, RunRecord, State, StepRecord
from zenml.metadata.store import MetadataStore

HERE = Owner("here", 4_000_000_000, 1_763_719_200.25)


def run_id(number: int) -> str:
    """Return a run id; a higher number is a later run."""
    return f"r{number:019d}"


def a_run(
    number: int, *, pipeline: str = "Quickstart", spec: str = "zenml: 1\n", host: str = "here",
    facts: dict[str, str] | None = None,
) -> RunRecord:  # fmt: skip
    """Return a run with three steps."""
    steps = (
        StepRecord("data", "CSVDatasource"),
        StepRecord("split", "RandomSplit"),
        StepRecord("trainer", "SklearnTrainer"),
    )
    return RunRecord(run_id(number), pipeline, spec, replace(HERE, host=host), facts=facts or {}, steps=steps)


def started(store: MetadataStore, number: int, *, host: str = "here") -> str:
    """Record the start of a run; return its id."""
    run = a_run(number, host=host)
    store.start_run(run)
    return run.id


def an_artifact(name: str, uri: str) -> ArtifactRecord:
    """Return an artifact that has no row yet."""
    return ArtifactRecord(name, "Examples", uri, f"sha256:{len(uri):064x}")


def complete(
    store: MetadataStore, run: str, step: str, *, attempt: str = "1", fingerprint: str = "", start: bool = True,
    inputs: list[ArtifactRecord] | tuple[ArtifactRecord, ...] = (), outputs: list[ArtifactRecord] | None = None,
) -> tuple[ArtifactRecord, ...]:  # fmt: skip
    """Record a step from its start to its end."""
    fingerprint = fingerprint or f"f-{step}"
    if start:
        store.start_step(run, step, attempt=attempt, fingerprint=fingerprint, inputs=inputs, facts={})
    return store.publish_step(
        run, step, state=State.COMPLETE, attempt=attempt, fingerprint=fingerprint,
        inputs=inputs, outputs=outputs or [], metrics={}, facts={},
    )  # fmt: skip


def step_of(store: MetadataStore, run: str, step: str) -> StepRecord:
    """Return one step of a run."""
    found = store.get_run(run)
    assert found is not None
    return next(row for row in found.steps if row.id == step)
