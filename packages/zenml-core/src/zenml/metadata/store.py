"""MetadataStore: the interface that every metadata store implements."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import PrivateAttr

from zenml.errors import StoreError
from zenml.metadata.records import ArtifactRecord, Owner, RunRecord, State, StepRecord
from zenml.spec.component import Component


class AttemptEnded(StoreError):  # noqa: N818 - named for what happened, as RunFailed is
    """The attempt at a step, or its run, was ended by another process: whoever gets this must publish nothing."""


class MetadataStore(Component):
    """Where runs, steps and artifacts are recorded.

    Each method is one transaction: what it says happened is there whole, or not at all. Every method may raise
    `StoreError`.
    """

    KINDS = ("metadata-store",)

    _acting_for: dict[str, Owner] = PrivateAttr(default_factory=dict)

    def act_for(self, run: str, owner: Owner) -> None:
        """From now on, write to that run as its owner: AttemptEnded once another process has taken the run over.

        Whoever starts or resumes a run acts for its owner from then on.
        """
        self._acting_for[run] = owner

    def resolve(self, root: Path) -> Self:
        """Return the store as any working directory can use it; a relative path in its config counts from `root`."""
        return self

    @property
    def local_files(self) -> str:
        """The file of this machine that the store is; empty where it is on a server, which other machines reach."""
        return ""

    def replaced(self, **changes: Any) -> Self:
        """Return the store with other values in some fields."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        return type(self)(**{**given, **changes})

    @abstractmethod
    def start_run(self, run: RunRecord) -> None:
        """Record a RUNNING run with all its steps PENDING."""

    @abstractmethod
    def resume_run(self, run: RunRecord) -> None:
        """Make a run that is FAILED, CANCELED or LOST go on, with the owner, spec and facts given.

        Published steps stay as they are; all others are PENDING again, with nothing of what was tried.

        Raises:
            AttemptEnded: the run is going on, or is COMPLETE.
        """

    @abstractmethod
    def start_step(
        self,
        run: str,
        step: str,
        *,
        attempt: str,
        fingerprint: str,
        inputs: Iterable[ArtifactRecord],
        facts: Mapping[str, str],
    ) -> None:
        """Record that an attempt at a step began: state RUNNING, its inputs as events.

        What an earlier attempt left (its error, facts, metrics) goes.

        Raises:
            AttemptEnded: another process ended the run, or published the step.
        """

    @abstractmethod
    def publish_step(
        self,
        run: str,
        step: str,
        *,
        state: State,
        attempt: str,
        fingerprint: str,
        inputs: Iterable[ArtifactRecord],
        outputs: Iterable[ArtifactRecord],
        metrics: Mapping[str, float],
        facts: Mapping[str, str],
    ) -> tuple[ArtifactRecord, ...]:
        """Record that a step is COMPLETE or CACHED, with its outputs; return these with their ids.

        Only a COMPLETE step is found by `find_step`. Fresh outputs are new rows; those of a CACHED step are the rows
        that they were found as.

        Raises:
            AttemptEnded: another process ended this attempt or the run.
        """

    @abstractmethod
    def end_step(
        self,
        run: str,
        step: str,
        *,
        state: State,
        attempt: str = "",
        error: str = "",
        outputs: Iterable[ArtifactRecord] = (),
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        """Record that a step ended unpublished (FAILED, CANCELED, SKIPPED); without `attempt` where none began.

        A FAILED step may have outputs to be looked at, and metrics; `find_step` does not find it, and what it gave is
        no longer its output once another attempt begins.

        Raises:
            AttemptEnded: another process ended this attempt or the run.
        """

    def record_metrics(self, run: str, step: str, metrics: Mapping[str, float]) -> None:
        """Record metrics of a step that is going on, in the place of those recorded before; a store need not keep them.

        Raises:
            AttemptEnded: another process ended the run, or published the step.
        """

    @abstractmethod
    def end_run(self, run: str, *, state: State, error: str = "") -> None:
        """Record that a run ended.

        Steps that are PENDING become SKIPPED; those that are RUNNING become CANCELED with a canceled run, else FAILED,
        and their attempts are ended.

        Raises:
            AttemptEnded: another process ended the run.
        """

    @abstractmethod
    def beat(self, run: str) -> None:
        """Record, by the store's clock, that the owner of a run that is going on is alive; so does whoever begins one.

        Raises:
            AttemptEnded: another process ended the run, or took it over.
        """

    @abstractmethod
    def get_run(self, run: str) -> RunRecord | None:
        """Return a run with its steps, or None when the store has no such run."""

    @abstractmethod
    def list_runs(self, *, pipeline: str | None = None, limit: int | None = None) -> list[RunRecord]:
        """Return runs without their specs and steps, newest (by id) first."""

    @abstractmethod
    def list_pipelines(self) -> list[str]:
        """Return the names of all pipelines that ever ran, in order of their first run."""

    @abstractmethod
    def list_steps(self, *, type: str | None = None, limit: int | None = None) -> list[tuple[str, StepRecord]]:  # noqa: A002 - as in StepRecord
        """Return (run id, step) of all runs, newest first, optionally of one step type."""

    @abstractmethod
    def find_step(self, fingerprint: str, *, limit: int = 8) -> list[StepRecord]:
        """Return up to `limit` COMPLETE steps with that fingerprint and their outputs, newest first."""

    @abstractmethod
    def forget_steps(self, fingerprints: Collection[str]) -> int:
        """Let `find_step` no longer find the steps that are COMPLETE with one of the fingerprints; return how many.

        All else of them stays, their fingerprint too, so that their runs can be resumed, compared and reproduced; steps
        that are going on, and those published later, are not touched.
        """

    def list_steps_with(self, uris: Collection[str]) -> list[tuple[str, StepRecord]]:
        """Return (run id, step) of the steps that read or gave an artifact at one of the URIs, newest first."""
        wanted = set(uris)
        return [
            (run, step)
            for run, step in self.list_steps()
            if wanted.intersection(artifact.uri for artifact in (*step.inputs, *step.outputs))
        ]

    def recorded_uris(self, uris: Collection[str]) -> set[str]:
        """Return those of the URIs at which an artifact is that some run refers to, as of one moment."""
        recorded = {artifact.uri for _, step in self.list_steps() for artifact in (*step.inputs, *step.outputs)}
        return recorded.intersection(uris)

    @abstractmethod
    def end_lost_runs(self, is_alive: Callable[[Owner], bool | None]) -> list[str]:
        """Write down as LOST every RUNNING run whose owner is gone, as `liveness.is_lost` says; return the ids.

        Its RUNNING steps become LOST too (FAILED in terms of ML Metadata) and their attempts are ended, so that their
        owner can no longer publish; its PENDING steps become SKIPPED.
        """
