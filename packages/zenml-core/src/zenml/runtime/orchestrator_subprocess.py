"""OrchestratorSubprocessBackend: the packaged job in a fresh interpreter on this machine."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path
from pydantic import Field

from zenml.artifacts.store import ArtifactStore
from zenml.errors import ZenMLError
from zenml.metadata.records import State
from zenml.runtime.fresh_environment import fresh_environment
from zenml.runtime.job_folder import JobFolder
from zenml.runtime.remote import JobStatus, RemoteJob, RemoteOrchestratorBackend, RemoteRun, Resource
from zenml.runtime.remote_job import EXIT_PREEMPTED
from zenml.runtime.requirements import installed_here
from zenml.runtime.staged_job import StagedJob
from zenml.secrets import place


@dataclass
class _Kept:
    """A process that this one started, and what it was started with."""

    process: subprocess.Popen[bytes]
    resource: Resource
    interpreter: str


_LAST_LINES = 10
"""Of what a process printed, in the reason why it failed."""

_LOOK_SECONDS = 0.2

_KEPT: dict[str, _Kept] = {}


class OrchestratorSubprocessBackend(RemoteOrchestratorBackend):
    """Run the packaged pipeline in a fresh interpreter, in a folder of its own: the rehearsal of a remote run.

    The interpreter is the one that runs this code, with what is installed there, or that of a virtual environment with
    just what the run needs. The folder is made in the system's folder for temporary files and removed at the end.
    Secrets are looked up there, in the same secrets file as here.

    Args:
        deadline_seconds: how long the run may take; then it fails.
        fresh_environment: make a virtual environment of what the pipeline needs, of the same versions as here but where
            `environment.requirements` gives others; it is kept for later runs with equal needs.
    """

    DELIVERS_SECRETS = False

    deadline_seconds: int | None = Field(default=None, ge=1)
    fresh_environment: bool = False

    @property
    def deadline(self) -> int | None:
        """How many seconds the job may take."""
        return self.deadline_seconds

    @property
    def reaches_local_files(self) -> bool:
        """It is on this machine."""
        return True

    def installed(self) -> dict[str, str]:
        """Return what is installed here, or would be in a fresh environment."""
        return installed_here()

    def render(self, job: RemoteJob) -> list[Resource]:
        """Return the one process: its command, and the variables that it gets on top of this process's."""
        body = {
            "command": ["python" if self.fresh_environment else sys.executable, *job.arguments],
            "environment": {"PYTHONSAFEPATH": "1", "PYTHONPATH": "", **job.environment},
            "labels": dict(job.labels),
        }
        return [Resource("process", job.run_id, body)]

    def submit(self, job: RemoteJob, resources: Sequence[Resource]) -> None:
        """Start the process; it goes on when this one ends."""
        self.clean_up(job.run_id)  # of a run that is resumed: it has said how it ended
        interpreter = self._interpreter(job)
        for resource in resources:
            _KEPT[job.run_id] = _Kept(_start(resource, interpreter), resource, interpreter)

    def _interpreter(self, job: RemoteJob) -> str:
        if not self.fresh_environment:
            return sys.executable
        staged = StagedJob.open(job.spec_uri)
        return str(fresh_environment(staged.requirements, user_cache_path("zenml", appauthor=False)))

    def status(self, run_id: str, store: ArtifactStore) -> JobStatus:
        """Return what the supervisor wrote last, or how it ended where it could write nothing.

        The process that submitted the run starts it again where it was preempted.
        """
        kept = _KEPT.get(run_id)
        exit_code = kept.process.poll() if kept else None
        if kept and exit_code == EXIT_PREEMPTED:
            _KEPT[run_id] = _Kept(_start(kept.resource, kept.interpreter), kept.resource, kept.interpreter)
            exit_code = None
        status = JobFolder(store, run_id).read_status()
        if status and status.state.ended:
            return JobStatus(status.state, status.reason)
        if exit_code is not None:
            said = "".join(deque(self.logs(run_id, follow=False), maxlen=_LAST_LINES)).strip()
            what = f"the process ended with exit code {exit_code} before it could say why"
            return JobStatus(State.FAILED, f"{what}:\n{said}" if said else what)
        return JobStatus(status.state if status else State.PENDING)

    def logs(self, run_id: str, *, follow: bool) -> Iterator[str]:
        """Yield the lines that the process printed; only who submitted the run can follow them to their end."""
        if not _output(run_id).exists():
            return
        with _output(run_id).open(encoding="utf-8", errors="replace") as file:
            while True:
                kept = _KEPT.get(run_id)
                goes_on = kept is not None and kept.process.poll() is None
                yield from file
                if not (follow and goes_on):
                    return
                time.sleep(_LOOK_SECONDS)

    def list_runs(self) -> list[RemoteRun]:
        """Return nothing: a process leaves no more than a file in the system's folder for temporary files."""
        return []

    def clean_up(self, run_id: str) -> None:
        """Take the exit status of the process, and remove what it printed; the artifact store has that, too."""
        kept = _KEPT.pop(run_id, None)
        if kept:
            kept.process.wait()
        _output(run_id).unlink(missing_ok=True)

    def cancel(self, run_id: str, store: ArtifactStore) -> None:
        """Send SIGTERM to the supervisor, which passes it on and records the end."""
        status = JobFolder(store, run_id).read_status()
        if status is None:
            raise ZenMLError(f"run {run_id} has not begun", mend="Try again in a moment")
        if not status.state.ended:
            with contextlib.suppress(ProcessLookupError):
                os.kill(status.supervisor.pid, signal.SIGTERM)


def _output(run_id: str) -> Path:
    return Path(tempfile.gettempdir()) / f"zenml-{run_id}.log"


def _start(resource: Resource, interpreter: str) -> subprocess.Popen[bytes]:
    path = _output(resource.name)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(path, flags, 0o600), "ab") as output:
        return subprocess.Popen(
            [interpreter, *resource.body["command"][1:]],
            env={**os.environ, **place.environment(), **resource.body["environment"]},
            cwd=tempfile.gettempdir(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=output,
            start_new_session=True,
        )
