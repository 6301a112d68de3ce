"""Landed: whether a transaction whose connection was lost is recorded all the same."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from zenml.metadata.records import ArtifactRecord, RunRecord, State, StepRecord


class RunReader(Protocol):
    """Reads runs within one transaction."""

    def run(self, run: str) -> RunRecord | None:
        """Return a run with its steps, or None where there is none."""


class Landed:
    """Looks for what an earlier try of the same writing left, known by the time that it wrote.

    Each method returns None where it left nothing.

    Args:
        reader: reads in the transaction of the next try.
        now: the time that every try writes.
    """

    def __init__(self, reader: RunReader, now: float) -> None:
        self._reader = reader
        self._now = now

    def goes_on(self, run: RunRecord) -> bool | None:
        """Say whether a run was started, or resumed, by its owner."""
        found = self._reader.run(run.id)
        same = found is not None and (found.state, found.owner) == (State.RUNNING, run.owner)
        return same or None

    def run_ended(self, run: str) -> bool | None:
        """Say whether a run was ended."""
        found = self._reader.run(run)
        return (found is not None and found.finished == self._now) or None

    def step_ended(self, run: str, step: str) -> bool | None:
        """Say whether a step was ended."""
        return self._step(run, step) is not None or None

    def outputs(self, run: str, step: str, given: Iterable[ArtifactRecord]) -> tuple[ArtifactRecord, ...] | None:
        """Return the outputs with which a step was published, in the order given."""
        found = self._step(run, step)
        if found is None:
            return None
        published = {artifact.name: artifact for artifact in found.outputs}
        return tuple(published[artifact.name] for artifact in given)

    def _step(self, run: str, step: str) -> StepRecord | None:
        found = self._reader.run(run)
        steps = found.steps if found else ()
        return next((row for row in steps if row.id == step and row.finished == self._now), None)
