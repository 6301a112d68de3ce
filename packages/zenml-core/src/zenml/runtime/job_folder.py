"""JobFolder: the files of a remote run in the artifact store, below `runs/<id>/`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from zenml.artifacts.store import ArtifactStore
from zenml.metadata.liveness import is_alive
from zenml.metadata.records import Owner, State


@dataclass(frozen=True)
class StatusFile:
    """What the supervisor of a run last wrote.

    Args:
        state: of the run.
        supervisor: the process that writes it.
        reason: why the run ended as it did, where it did not end well.
        exit_code: of the pipeline's process; negative for a signal; None before it ended.
    """

    state: State
    supervisor: Owner
    reason: str = ""
    exit_code: int | None = None


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

    def write_status(self, status: StatusFile) -> None:
        """Replace the status."""
        self.store.write_bytes(self.key("status.json"), json.dumps(asdict(status), sort_keys=True).encode())

    def read_status(self) -> StatusFile | None:
        """Return the status, or None before the supervisor began; LOST where it is gone without a last word."""
        if not self.store.has(self.key("status.json")):
            return None
        row: dict[str, Any] = json.loads(self.store.read_bytes(self.key("status.json")))
        status = StatusFile(State(row["state"]), Owner(**row["supervisor"]), row["reason"], row["exit_code"])
        if not status.state.ended and is_alive(status.supervisor) is False:
            return StatusFile(State.LOST, status.supervisor, "the run's supervisor is gone")
        return status
