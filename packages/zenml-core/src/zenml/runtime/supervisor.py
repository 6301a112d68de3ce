"""The supervisor of a remote run: verifies the package, runs the pipeline in a child, and writes how it goes and ends.

It may be started again with the same command, after a preemption or where its machine vanished: the run then goes on
from its last published step.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import IO

from zenml.errors import StoreError, ZenMLError
from zenml.metadata.liveness import this_owner
from zenml.metadata.records import State
from zenml.runtime.canceling import PREEMPTED
from zenml.runtime.child import environment_with
from zenml.runtime.job_folder import StatusFile
from zenml.runtime.job_progress import Progress
from zenml.runtime.memory import memory_kills
from zenml.runtime.remote_job import EXIT_CANCELED, EXIT_COMPLETE, EXIT_FAILED, EXIT_PREEMPTED
from zenml.runtime.staged_job import StagedJob
from zenml.runtime.step_log import StepLog, output_folder
from zenml.secrets.redaction import redact

_EXIT_CODES = {State.COMPLETE: EXIT_COMPLETE, State.CANCELED: EXIT_CANCELED, State.PENDING: EXIT_PREEMPTED}


def supervise(spec_uri: str) -> int:
    """Run a staged job to its end, or until it is preempted; return the exit code, as `remote_job` says."""
    job = StagedJob.open(spec_uri)
    before = job.folder.last_status()
    if before and before.state.ended:  # this job was started again although it had ended
        return _EXIT_CODES.get(before.state, EXIT_FAILED)
    life, preemptions = (before.life + 1, before.preemptions) if before else (1, 0)
    if before and before.state is State.RUNNING:  # its machine vanished: that life had no last word
        preemptions += 1
    status = StatusFile(State.RUNNING, this_owner(), life=life, preemptions=preemptions)
    job.folder.write_status(status)
    supervisor = _Supervisor(job, status)
    exit_code = None
    if preemptions > job.preemptions:
        state, reason = State.PENDING, ""
    else:
        state, reason, exit_code = supervisor.run()
        preemptions += state is State.PENDING
    if state is State.PENDING:
        if preemptions > job.preemptions:
            state, reason = State.FAILED, f"preempted {preemptions} times, more than the {job.preemptions} allowed"
        else:
            reason = f"preempted ({preemptions} of {job.preemptions}); it goes on when its job is started again"
    if state is not State.PENDING:
        state, reason = job.settle(state, reason)
    supervisor.progress.look()
    job.folder.write_status(replace(status, state=state, reason=reason, exit_code=exit_code, preemptions=preemptions))
    return _EXIT_CODES.get(state, EXIT_FAILED)


@dataclass
class _Supervisor:
    job: StagedJob
    status: StatusFile
    _stopped: str = ""
    _child: subprocess.Popen[bytes] | None = None
    progress: Progress = field(init=False)

    def __post_init__(self) -> None:
        self.progress = Progress(self.job, self.status)

    def run(self) -> tuple[State, str, int | None]:
        """Run the pipeline; return how it ended, PENDING where it was preempted, why, and its process's exit code."""
        kills = memory_kills()
        try:
            with tempfile.TemporaryDirectory(prefix=f"zenml-{self.job.folder.run_id}-") as work, self._heeding():
                path = self.job.unpack(Path(work))
                if self._stopped:
                    return *self._outcome(0, 0), None
                exit_code = self._run_child(work, path)
        except ZenMLError as error:
            return State.FAILED, str(error), None
        return *self._outcome(exit_code, memory_kills() - kills), exit_code

    def _run_child(self, work: str, path: list[str]) -> int:
        """Run the pipeline in a process of its own, and keep what it prints."""
        uri = self.job.uri
        command = [sys.executable, "-m", "zenml.entrypoint", "execute", "--spec", uri, "--root", work]
        log = StepLog(self.job.folder.store, output_folder(self.job.folder.run_id, self.status.life), redact)
        with subprocess.Popen(
            command,
            cwd=work,
            env=environment_with(path),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as child:
            self._child = child
            if self._stopped:  # while it was being started
                child.kill()
            deadline = threading.Timer(self.job.deadline or 0, self._stop, ("late",))
            deadline.daemon = True
            if self.job.deadline:
                deadline.start()
            try:
                with self.progress.shown():
                    assert child.stdout is not None  # noqa: S101 - opened as a pipe above
                    _tee(child.stdout, log)
                    return child.wait()
            finally:
                deadline.cancel()
                log.flush()

    @contextmanager
    def _heeding(self) -> Iterator[None]:
        """While the context is open, let SIGTERM stop the pipeline."""

        def stop(_number: int, _frame: FrameType | None) -> None:
            threading.Thread(target=self._told_to_stop).start()  # a handler must not wait for the store

        before = signal.signal(signal.SIGTERM, stop)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)

    def _told_to_stop(self) -> None:
        try:
            canceled = self.job.folder.is_asked_to_stop
        except StoreError:
            canceled = False
        self._stop("canceled" if canceled else "preempted")

    def _stop(self, why: str) -> None:
        self._stopped = self._stopped or why
        if self._child and self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM if why == "canceled" else PREEMPTED)

    def _outcome(self, exit_code: int, memory_kills: int) -> tuple[State, str]:
        if self._stopped == "canceled":
            return State.CANCELED, "stopped by the user"
        if self._stopped == "preempted":
            return State.PENDING, ""
        if self._stopped == "late":
            return State.FAILED, f"the deadline of {self.job.deadline} s has passed"
        if exit_code == 0:
            return State.COMPLETE, ""
        if memory_kills > 0:
            return State.FAILED, "out of memory: the system killed the pipeline's process. Give the job more memory"
        if exit_code < 0:
            name = signal.Signals(-exit_code).name
            guess = " (out of memory?)" if name == "SIGKILL" else ""
            return State.FAILED, f"the pipeline's process was ended by {name}{guess}"
        return State.FAILED, f"the pipeline's process ended with exit code {exit_code}"


def _tee(pipe: IO[bytes], log: StepLog) -> None:
    for line in pipe:
        log.write(line.decode(errors="replace"))
        sys.stderr.buffer.write(line)
        sys.stderr.buffer.flush()
