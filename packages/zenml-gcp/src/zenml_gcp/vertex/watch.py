"""Watching a CustomJob until its training has ended."""

from __future__ import annotations

import contextlib
import time
from datetime import datetime
from typing import TYPE_CHECKING

from zenml.errors import ZenMLError
from zenml.runtime.remote_shards import RemoteShards
from zenml_gcp.google_api import Body
from zenml_gcp.google_trouble import RefusedError, UnreachableError, passes
from zenml_gcp.vertex.service import ENDED, CustomJobs
from zenml_gcp.vertex.words import failure_of, is_late, is_preempted, is_scarce

if TYPE_CHECKING:
    from zenml_gcp.vertex.base import GCAIPTrainingBackend

PATIENCE = 900.0
"""Seconds for which Vertex AI may not answer, and the training go on."""

_LAST_LOOKS = 30
"""How often to look whether a job that is done has ended, before it is stopped."""

_TOLD = {
    "JOB_STATE_QUEUED": "the job is queued: Vertex AI waits for quota",
    "JOB_STATE_PENDING": "the job is getting its machine",
    "JOB_STATE_RUNNING": "the job has begun",
    "JOB_STATE_PAUSED": "the job is paused",
}


def watch(
    backend: GCAIPTrainingBackend, jobs: CustomJobs, name: str, link: str, shards: RemoteShards
) -> ZenMLError | None:
    """Wait until a training has ended, passing on what it tells.

    Args:
        backend: that trains.
        jobs: the jobs.
        name: the job's resource name.
        link: a page that shows it.
        shards: what was staged.

    Returns:
        None where it has trained; how it failed where spot machines were taken away.

    Raises:
        ZenMLError: what the training raised, or why the job ended without it.
    """
    state, (pause, last) = "", backend.PAUSES
    heard = time.monotonic()
    while True:
        try:
            job = jobs.get(name)
        except (RefusedError, UnreachableError) as error:
            if not passes(error) or time.monotonic() - heard > PATIENCE:
                raise
            job = {"state": state}
        else:
            heard = time.monotonic()
        if job.get("state") != state:
            state = str(job.get("state"))
            if state in _TOLD:
                print(_TOLD[state])  # noqa: T201 - the step's log
        shards.look()
        if not shards.waiting:
            _leave(jobs, name, backend.PAUSES[0])
            return None
        if state in ENDED:
            return _outcome(backend, job, link, shards.job.label or shards.job.op)
        time.sleep(pause)
        pause = min(pause * 1.5, last)


def _leave(jobs: CustomJobs, name: str, pause: float) -> None:
    """See that a job which is done ends, too; `zenml gc` finds one that cannot be stopped now."""
    with contextlib.suppress(ZenMLError):
        for _ in range(_LAST_LOOKS):
            if jobs.get(name).get("state") in ENDED:
                return
            time.sleep(pause)
        jobs.cancel(name)


def _outcome(backend: GCAIPTrainingBackend, job: Body, link: str, where: str) -> ZenMLError:
    """Return that the machines of a spot job were taken away; raise how any other job ended."""
    state, said = job["state"], str((job.get("error") or {}).get("message") or "")
    late = _seconds(job) >= backend.max_running_time
    if state == "JOB_STATE_SUCCEEDED":
        raise ZenMLError("the job ended, and left no answer", where, f"Check what image runs. See {link}")
    if state == "JOB_STATE_CANCELLED" and not late and not is_late(said):
        raise ZenMLError("the Vertex AI job was stopped by somebody else", where, f"See {link}")
    failed = ZenMLError([failure_of(said, where, link, backend.max_running_time, late=late)])
    if backend.spot and not late and (is_preempted(said) or (is_scarce(said) and job.get("startTime"))):
        return failed
    raise failed


def _seconds(job: Body) -> float:
    """Return how long a job that has ended was at work."""
    if "startTime" not in job or "endTime" not in job:
        return 0.0
    began, ended = (datetime.fromisoformat(str(job[name])) for name in ("startTime", "endTime"))
    return (ended - began).total_seconds()
