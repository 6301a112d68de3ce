"""A cloud that is a folder: what is made there stays until it is removed, and its jobs are processes here."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from zenml.artifacts.store import ArtifactStore
from zenml.errors import ConfigError
from zenml.metadata.records import State
from zenml.runtime.orchestrator_subprocess import OrchestratorSubprocessBackend
from zenml.runtime.remote import JobStatus, RemoteJob, RemoteRun, Resource


class Cloud(OrchestratorSubprocessBackend):
    """Keeps a file for each resource.

    Args:
        folder: where it keeps them.
        dies: ends the client where it is: `deliver` or `submit`.
        refuses: refuses every job.
        full: has no room, so that no job begins.
        down: does not answer.
    """

    DELIVERS_SECRETS = True

    folder: str
    dies: str = ""
    refuses: bool = False
    full: bool = False
    down: bool = False

    def deliver_secrets(self, job: RemoteJob, values: Mapping[str, str]) -> None:
        self._keep("Secret", job.run_id, sorted(values))
        if self.dies == "deliver":
            os._exit(9)

    def submit(self, job: RemoteJob, resources: Sequence[Resource]) -> None:
        self._keep("Job", job.run_id, dict(job.labels))
        if self.dies == "submit":
            os._exit(9)
        if self.refuses:
            raise ConfigError("the quota is used up")
        if not self.full:
            super().submit(job, resources)

    def status(self, run_id: str, store: ArtifactStore) -> JobStatus:
        if self.full:
            there = (Path(self.folder) / f"Job-{run_id}").exists()
            return JobStatus(State.PENDING if there else State.LOST, "no room", "https://cloud.example/job")
        return super().status(run_id, store)

    def cancel(self, run_id: str, store: ArtifactStore) -> None:
        if self.full:
            self.clean_up(run_id)
        else:
            super().cancel(run_id, store)

    def list_runs(self) -> list[RemoteRun]:
        if self.down:
            raise ConfigError("the cloud does not answer")
        names = sorted(path.name for path in Path(self.folder).iterdir())
        return [
            RemoteRun(
                run_id,
                "mine",
                State.PENDING if self.full and f"Job-{run_id}" in names else State.LOST,
                tuple(name.replace("-", "/", 1) for name in names if name.endswith(run_id)),
            )
            for run_id in sorted({name.partition("-")[2] for name in names})
        ]

    def clean_up(self, run_id: str) -> None:
        for path in Path(self.folder).glob(f"*-{run_id}"):
            path.unlink()
        super().clean_up(run_id)

    def _keep(self, kind: str, run_id: str, body: object) -> None:
        (Path(self.folder) / f"{kind}-{run_id}").write_text(json.dumps(body))
