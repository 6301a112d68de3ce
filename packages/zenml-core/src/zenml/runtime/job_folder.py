"""JobFolder: the files of a remote run in the artifact store, below `runs/<id>/`.

The client writes `spec.yaml` and `job.json`; the supervisor where the job runs writes `status.json` and `record.json`,
by which anybody who can read the artifact store sees how the run goes; `cancel` says that it is to stop.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from zenml.artifacts.store import ArtifactStore
from zenml.errors import StoreError
from zenml.metadata.liveness import BEAT_SECONDS, MISSED_BEATS, is_alive
from zenml.metadata.records import ArtifactRecord, Owner, RunRecord, State, StepRecord

CLOCKS_DIFFER = 60.0
"""Seconds by which the clocks of two machines may differ."""


@dataclass(frozen=True)
class StatusFile:
    """What the supervisor of a run last wrote.

    Args:
        state: of the run; PENDING while a preempted job waits to be started again.
        supervisor: the process that writes it.
        reason: why the run ended as it did, where it did not end well, or why it waits.
        exit_code: of the pipeline's process; negative for a signal; None before it ended.
        life: how often the job was started, this time included.
        preemptions: how often it was preempted.
        beat: when the supervisor gave its last sign, in seconds since the epoch by its clock.
    """

    state: State
    supervisor: Owner
    reason: str = ""
    exit_code: int | None = None
    life: int = 1
    preemptions: int = 0
    beat: float = 0.0


@dataclass(frozen=True)
class JobFolder:
    """Reads and writes the files of one run.

    Args:
        store: the artifact store.
        run_id: the run.
    """

    store: ArtifactStore
    run_id: str

    def key(self, name: str) -> str:
        """Return the key of a file in the store."""
        return f"runs/{self.run_id}/{name}"

    def write_json(self, name: str, value: Mapping[str, Any]) -> None:
        """Replace a file."""
        self.store.write_bytes(self.key(name), json.dumps(value, sort_keys=True).encode())

    def read_json(self, name: str) -> dict[str, Any] | None:
        """Return the content of a file, or None where it is not there."""
        if not self.store.has(self.key(name)):
            return None
        try:
            row: dict[str, Any] = json.loads(self.store.read_bytes(self.key(name)))
        except ValueError as error:
            raise StoreError(f"this is not what ZenML writes: {error}", self.store.uri(self.key(name))) from None
        return row

    def begin_life(self) -> None:
        """Remove what an earlier life of the run left, before it is submitted anew."""
        for name in ("status.json", "cancel"):
            self.store.remove(self.key(name))

    def ask_to_stop(self) -> None:
        """Note that whoever stops the job does it for the user."""
        self.store.write_bytes(self.key("cancel"), b"")

    @property
    def is_asked_to_stop(self) -> bool:
        """Whether the user wants the run to stop."""
        return self.store.has(self.key("cancel"))

    def write_status(self, status: StatusFile) -> None:
        """Replace the status."""
        self.write_json("status.json", asdict(replace(status, beat=time.time())))

    def last_status(self) -> StatusFile | None:
        """Return the status as it was last written, or None before the supervisor began."""
        row = self.read_json("status.json")
        if row is None:
            return None
        return StatusFile(**{**row, "state": State(row["state"]), "supervisor": Owner(**row["supervisor"])})

    def read_status(self) -> StatusFile | None:
        """Return the status; LOST where the supervisor is gone without a last word."""
        status = self.last_status()
        if status is None or status.state.ended or status.state is State.PENDING:
            return status
        alive = is_alive(status.supervisor)
        silent = time.time() - status.beat
        if alive is False:
            return replace(status, state=State.LOST, reason="the run's supervisor is gone")
        if alive is None and silent > MISSED_BEATS * BEAT_SECONDS + CLOCKS_DIFFER:
            return replace(status, state=State.LOST, reason=f"the run has given no sign for {silent:.0f} s")
        return status

    def write_record(self, record: RunRecord) -> None:
        """Replace what those see of the run who cannot reach its metadata store; the spec is in a file of its own."""
        self.write_json("record.json", asdict(replace(record, spec="", beat=None, silent=None)))

    def read_record(self) -> RunRecord | None:
        """Return the run as the supervisor last saw it in the metadata store, or None before it was staged."""
        row = self.read_json("record.json")
        if row is None:
            return None
        steps = tuple(_step(step) for step in row["steps"])
        spec = self.store.read_bytes(self.key("spec.yaml")).decode()
        read = {**row, "state": State(row["state"]), "owner": Owner(**row["owner"]), "steps": steps, "spec": spec}
        record = RunRecord(**read)
        status = self.read_status()
        if status is None or record.state.ended:
            return record
        ended = replace(record, error=status.reason) if status.state.ended else record
        return replace(ended, state=status.state)


def _step(row: Mapping[str, Any]) -> StepRecord:
    artifacts = {name: tuple(ArtifactRecord(**artifact) for artifact in row[name]) for name in ("inputs", "outputs")}
    return StepRecord(**{**row, **artifacts, "state": State(row["state"])})
