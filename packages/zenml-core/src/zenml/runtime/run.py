"""Run: a recorded run as users see it; every look reads the store."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zenml.artifacts.elsewhere import how_to_reach
from zenml.artifacts.store import ArtifactStore
from zenml.errors import ConfigError, Problem, RunFailed, StoreError
from zenml.metadata.liveness import is_alive, seen
from zenml.metadata.records import ArtifactRecord, RunRecord, State, StepRecord
from zenml.metadata.store import MetadataStore
from zenml.runtime.console import duration_text, print_table

if TYPE_CHECKING:
    from zenml.runtime.remote import JobStatus, RemoteOrchestratorBackend
    from zenml.steps.trainer.history import Epoch


@dataclass(frozen=True)
class Output:
    """A published output of a step: its type, where it is, and its content digest."""

    type: str
    uri: str
    digest: str
    _store: ArtifactStore

    @property
    def path(self) -> Path:
        """A local folder with the artifact's files."""
        return self._store.open(self.uri).path


@dataclass(frozen=True)
class StepView:
    """A step of a run."""

    record: StepRecord
    _store: ArtifactStore
    _run: str = ""

    @property
    def history(self) -> list[Epoch]:
        """The epochs that a trainer recorded, each with its number and metrics, also while it runs; else none.

        Raises:
            StoreError: they cannot be read.
        """
        from zenml.runtime.epoch_record import recorded_history
        from zenml.steps.trainer.history import read_history

        model = next((row for row in self.outputs.values() if row.type == "Model"), None)
        return read_history(model.path) if model else recorded_history(self._store, self._run, self.record.id)

    @property
    def state(self) -> State:
        """In which state the step is."""
        return self.record.state

    @property
    def outputs(self) -> Mapping[str, Output]:
        """Published outputs by name."""
        return {row.name: Output(row.type, row.uri, row.digest, self._store) for row in self.record.outputs}

    @property
    def duration(self) -> float | None:
        """Seconds that it took, or None before it ended."""
        return _duration(self.record)

    def to_json(self) -> dict[str, Any]:
        """Return the step as JSON types."""
        record = self.record
        return {
            "id": record.id,
            "type": record.type,
            "state": str(record.state),
            "duration": self.duration,
            "fingerprint": record.fingerprint,
            "error": record.error,
            "metrics": dict(record.metrics),
            "inputs": [_artifact_json(row) for row in record.inputs],
            "outputs": [_artifact_json(row) for row in record.outputs],
        }


@dataclass(frozen=True)
class Run:
    """A run in a metadata store.

    Args:
        id: the run's id.
        metadata: where it is recorded.
        store: where its artifacts are.
    """

    id: str
    metadata: MetadataStore
    store: ArtifactStore

    @property
    def record(self) -> RunRecord:
        """The run as it is recorded now; LOST where it should be running but its process is gone.

        Raises:
            StoreError: the store has no such run.
        """
        from zenml.runtime.job_folder import JobFolder

        trouble = StoreError(f"there is no run {self.id!r}", mend="See: zenml run list")
        try:
            found = self.metadata.get_run(self.id)
        except StoreError as error:  # a run elsewhere may use a store that only it can reach
            found, trouble = None, error
        found = found or JobFolder(self.store, self.id).read_record()
        if found is None:
            raise trouble
        return seen(found)

    @property
    def state(self) -> State:
        """In which state the run is."""
        return self.record.state

    @property
    def steps(self) -> Mapping[str, StepView]:
        """Steps by id, in the order in which they run."""
        return {step.id: StepView(step, self.store, self.id) for step in self.record.steps}

    @property
    def metrics(self) -> dict[str, float]:
        """Metrics of the evaluator steps: name to value, overall on their split."""
        return _metrics(self.record)

    def logs(self, step: str = "") -> str:
        """Return what the steps of the run printed so far.

        Args:
            step: id of one step; all by default.
        """
        return "".join(text for _, _, text in self.log_pieces(step))

    def log_pieces(self, step: str = "", *, after: frozenset[str] = frozenset()) -> Iterator[tuple[str, str, str]]:
        """Yield step, key and text of each piece of the logs, by step in the order in which they run.

        Args:
            step: id of one step; all by default.
            after: keys of the pieces that are known already, and are left out.

        Raises:
            StoreError: they are in another artifact store, or cannot be read.
        """
        from zenml.runtime.step_log import read_log

        record = self.record
        place = record.facts.get("artifact_store", self.store.place)
        if place != self.store.place:
            what = f"its logs are in the artifact store {place}, and the one used here is {self.store.place}"
            raise StoreError(what, f"run {self.id}", how_to_reach(place))
        for name in [step] if step else [row.id for row in record.steps]:
            for key, text in read_log(self.store, self.id, name, after=after).items():
                yield name, key, text

    @property
    def runs_elsewhere(self) -> RemoteOrchestratorBackend | None:
        """The backend that runs it elsewhere; None where a process of the user's does."""
        from zenml.backends.orchestrator_interface import OrchestratorBackend
        from zenml.runtime.remote import RemoteOrchestratorBackend

        orchestrator = json.loads(self.record.facts.get("orchestrator", "null"))
        backend = OrchestratorBackend.from_config(orchestrator) if orchestrator else None
        return backend if isinstance(backend, RemoteOrchestratorBackend) else None

    def job_status(self) -> JobStatus | None:
        """Return how the job of a run that goes on elsewhere stands, as its platform says; None for any other run."""
        backend = None if self.record.state.ended else self.runs_elsewhere
        return backend.look(self.id, self.store) if backend else None

    @property
    def job_has_ended(self) -> bool:
        """Whether its job prints nothing more; a run's end is recorded a moment before."""
        from zenml.runtime.job_folder import JobFolder

        status = JobFolder(self.store, self.id).read_status()
        return self.state.ended and (status is None or status.state.ended)

    def job_output(self) -> str:
        """Return what the job of a run that was submitted elsewhere printed, also between its steps."""
        return "".join(text for _, text in self.output_pieces())

    def output_pieces(self, *, after: frozenset[str] = frozenset()) -> Iterator[tuple[str, str]]:
        """Yield key and text of each piece of what the job of a run that was submitted elsewhere printed.

        Args:
            after: keys of the pieces that are known already, and are left out.
        """
        from zenml.runtime.step_log import output_folder

        for key in self.store.list(output_folder(self.id)):
            if key not in after:
                yield key, self.store.read_bytes(key).decode(errors="replace")

    def cancel(self) -> None:
        """Ask the run to stop, from any process; it records its end as CANCELED itself.

        Raises:
            ConfigError: it has ended, or its process can only be reached from another machine.
        """
        record = self.record
        if record.state.ended:
            raise ConfigError(f"run {self.id} is {record.state}: there is nothing to stop")
        backend = self.runs_elsewhere
        if backend:
            backend.stop(self.id, self.store)
            return
        if is_alive(record.owner) is None:
            host = record.owner.host.partition("/")[0]
            raise ConfigError(f"run {self.id} is run by process {record.owner.pid} on {host}", mend="Stop it there")
        os.kill(record.owner.pid, signal.SIGTERM)

    def raise_if_failed(self) -> None:
        """Raise what went wrong.

        Raises:
            RunFailed: the run ended in another state than COMPLETE.
        """
        record = self.record
        if record.state is State.COMPLETE:
            return
        failed = [step for step in record.steps if step.error]
        reasons = [Problem(line, f"step {step.id}") for step in failed for line in step.error.splitlines() if line]
        raise RunFailed(self.id, reasons or [Problem(record.error or f"the run is {record.state}")])

    def to_json(self) -> dict[str, Any]:
        """Return the run with its steps as JSON types."""
        record = self.record
        steps = [StepView(step, self.store).to_json() for step in record.steps]
        return {
            **run_row(record),
            "error": record.error,
            "metrics": _metrics(record),
            "facts": dict(record.facts),
            "steps": steps,
            "spec": record.spec,
        }

    def print(self) -> None:
        """Print the steps and the metrics as tables."""
        record = self.record
        rows = [
            (step.id, str(step.state), duration_text(_duration(step)), ", ".join(row.name for row in step.outputs))
            for step in record.steps
        ]
        title = f"{record.pipeline}: run {self.id} {record.state}"
        print_table(("Step", "State", "Time", "Outputs"), rows, title=title)
        metrics = _metrics(record)
        if metrics:
            print_table(("Metric", "Value"), [(name, f"{value:.4f}") for name, value in metrics.items()])


def run_row(record: RunRecord) -> dict[str, Any]:
    """Return a row of a listing of runs, as JSON types."""
    record = seen(record)
    started = datetime.fromtimestamp(record.started, UTC).isoformat(timespec="seconds") if record.started else None
    return {
        "id": record.id,
        "pipeline": record.pipeline,
        "state": str(record.state),
        "started": started,
        "duration": _duration(record),
    }


def _duration(record: RunRecord | StepRecord) -> float | None:
    if record.started is None or record.finished is None:
        return None
    return round(record.finished - record.started, 6)


def _metrics(record: RunRecord) -> dict[str, float]:
    return {name: value for step in record.steps for name, value in step.run_metrics.items()}


def _artifact_json(row: ArtifactRecord) -> dict[str, str]:
    return {"name": row.name, "type": row.type, "uri": row.uri, "digest": row.digest}
