"""What the state of a container says of its run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zenml.metadata.records import State
from zenml.runtime.remote import JobStatus
from zenml.runtime.remote_job import EXIT_CANCELED, EXIT_COMPLETE, EXIT_PREEMPTED
from zenml_docker.trouble import said_problem

_KILLED, _NOT_FOUND, _NOT_EXECUTABLE = 137, 127, 126
_MIB = 1 << 20


def outcome(found: dict[str, Any] | None, last_lines: Callable[[], str] = str) -> JobStatus:
    """Return how a run stands.

    Args:
        found: what the engine tells of the run's container; None where it has none.
        last_lines: returns what the container printed at last, where nothing else tells why it ended.
    """
    if found is None:
        return JobStatus(State.LOST, "its container is gone: somebody removed it before the run ended")
    state = found["State"]
    name = found["Name"].lstrip("/")
    status, said = state["Status"], state.get("Error") or ""
    if said and status in ("created", "exited", "dead"):
        problem = said_problem(said, "", found["Config"]["Image"])
        return JobStatus(State.FAILED, str(problem))
    if status == "created":
        return JobStatus(State.PENDING, f"its container {name} was made, and not yet started")
    if status == "paused":
        return JobStatus(State.RUNNING, f"its container is paused. Let it go on: docker unpause {name}")
    if status in ("running", "restarting"):
        return JobStatus(State.RUNNING)
    return _ended(state, found, last_lines)


def was_preempted(found: dict[str, Any]) -> bool:
    """Tell whether a container ended because it was stopped by somebody else than the run's user."""
    state = found["State"]
    return bool(state["Status"] == "exited" and state["ExitCode"] == EXIT_PREEMPTED and not state.get("Error"))


def _ended(state: dict[str, Any], found: dict[str, Any], last_lines: Callable[[], str]) -> JobStatus:
    code = int(state["ExitCode"])
    limit = int(found["HostConfig"].get("Memory") or 0) // _MIB
    if state.get("OOMKilled"):
        had = (
            f"its container may use {limit} MiB" if limit else "its container has no limit, and the machine had no more"
        )
        return JobStatus(State.FAILED, f"out of memory: {had}. Give it more: memory='{_more(limit)}'")
    if code == EXIT_COMPLETE:
        return JobStatus(State.COMPLETE)
    if code == EXIT_CANCELED:
        return JobStatus(State.CANCELED, "stopped by the user")
    if code == _KILLED:
        why = "by docker kill, or for want of memory on the machine"
        return JobStatus(State.FAILED, f"its container was killed from outside ({why}). Go on: zenml run resume RUN")
    if code in (_NOT_FOUND, _NOT_EXECUTABLE):
        what = f"the image {found['Config']['Image']} cannot run {found['Config']['Entrypoint'][0]}"
        return JobStatus(State.FAILED, f"{what}. Use one with Python and ZenML in it")
    printed = last_lines()
    after = f", and printed at last: {printed}" if printed else ", and printed nothing"
    return JobStatus(State.FAILED, f"its container ended with exit code {code}{after}")


def _more(limit: int) -> str:
    return f"{max(2 * limit, 256)}m" if limit else "…"
