"""Vertex AI's CustomJobs: jobs that are checked as the service checks them, and run what they were sent."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

from google_double import Body, Call, Refusal, Service, serves
from google_double.others import NUMBER
from replicas import Replica
from vertex_rules import REGIONS, check_job, fits

_ENDED = ("JOB_STATE_SUCCEEDED", "JOB_STATE_FAILED", "JOB_STATE_CANCELLED")
_RESTARTS = 2
"""How often a replica that fails is started again; the service has more patience."""

_JOBS = "aiplatform.projects.locations.customJobs"


@dataclass
class Job:
    """A job.

    Args:
        body: as it was sent.
        name: its resource name.
        made: when.
        folder: its machines' disks.
    """

    body: Body
    name: str
    made: datetime
    folder: Path
    state: str = "JOB_STATE_PENDING"
    error: str = ""
    began: datetime | None = None
    ended: datetime | None = None
    replicas: list[Replica] = field(default_factory=list)

    @property
    def active(self) -> bool:
        """Whether it has not ended."""
        return self.state not in _ENDED

    @property
    def output(self) -> str:
        """All that its machines printed."""
        return "\n".join(replica.output for replica in self.replicas)

    def end(self, state: str, error: str = "") -> None:
        """End it, and turn its machines off."""
        for replica in self.replicas:
            replica.kill()
        self.state, self.error, self.ended = state, error, datetime.now(UTC)

    def replace_machines(self) -> None:
        """Take its machines away, and make others, as the service does at first."""
        for replica in self.replicas:
            replica.kill()
            replica.start()

    def time_out(self, seconds: int) -> None:
        """Stop it, as if it had been at work so long."""
        self.end("JOB_STATE_CANCELLED")
        assert self.ended is not None
        self.began = self.ended - timedelta(seconds=seconds)

    def told(self) -> Body:
        """Return what the service tells of it."""
        times = {"createTime": self.made, "startTime": self.began, "endTime": self.ended}
        return {
            **self.body,
            "name": self.name,
            "state": self.state,
            **{name: _time(at) for name, at in times.items() if at},
            **({"error": {"code": 3, "message": self.error}} if self.error else {}),
        }


class Vertex(Service):
    """Vertex AI.

    Args:
        folder: for the machines' files.
        environment: variables of all machines, by which they reach what is on the loopback.
    """

    DOCUMENT = "aiplatform.v1"
    HOST = "aiplatform.googleapis.com"
    PERMISSIONS: ClassVar[Mapping[str, str]] = {
        f"{_JOBS}.{verb}": f"aiplatform.customJobs.{verb}" for verb in ("create", "get", "list", "cancel")
    }

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        super().__init__()
        self.jobs: list[Job] = []
        """Every job that was ever made."""
        self.fails: list[tuple[bool, str]] = []
        """How the next jobs fail: whether they begin before, and what is said."""
        self.refuses = ""
        """Why jobs exceed a quota, where they do."""
        self.holds = False
        """Whether jobs wait for quota."""
        self.stopping = 0
        """For how many looks a job that is stopped is still there."""
        self.meanwhile: Callable[[Job], object] = lambda _: None
        """Called whenever somebody looks at a job."""
        self.environment = dict(environment)
        self.folder = folder
        self._lock = threading.RLock()

    @serves(f"{_JOBS}.create")
    def create(self, call: Call) -> Body:
        """Make a job; of one name there may be many."""
        region = call.parameters["parent"].rpartition("/")[2]
        check_job(call.body, region)
        if self.refuses:
            raise Refusal(429, self.refuses)
        with self._lock:
            number = str(4000 + len(self.jobs))
            name = f"projects/{NUMBER}/locations/{region}/customJobs/{number}"
            job = Job(call.body, name, datetime.now(UTC), self.folder / number)
            self.jobs.append(job)
            if self.fails:
                begins, said = self.fails.pop(0)
                job.began = datetime.now(UTC) if begins else None
                job.end("JOB_STATE_FAILED", said)
            return job.told()

    @serves(f"{_JOBS}.get")
    def get(self, call: Call) -> Body:
        """Return a job."""
        with self._lock:
            job = self._job(call)
            self.meanwhile(job)
            self._look(job)
            return job.told()

    @serves(f"{_JOBS}.list")
    def list(self, call: Call) -> Body:
        """Return the jobs of a region that a filter chooses, two a page, the newest first."""
        with self._lock:
            for job in self.jobs:
                self._look(job)
            base = f"projects/{NUMBER}/{call.parameters['parent'].split('/', 2)[2]}/"
            rows = [job for job in reversed(self.jobs) if job.name.startswith(base)]
            rows = [job for job in rows if fits(job.body["displayName"], job.state, call.one("filter"))]
            start = int(call.one("pageToken", "0"))
            page: Body = {"customJobs": [job.told() for job in rows[start : start + 2]]}
            return page | ({"nextPageToken": str(start + 2)} if start + 2 < len(rows) else {})

    @serves(f"{_JOBS}.cancel")
    def cancel(self, call: Call) -> Body:
        """Stop a job."""
        with self._lock:
            job = self._job(call)
            if not job.active:
                raise Refusal(400, f"Cannot cancel a CustomJob in the state {job.state}.")
            job.end("JOB_STATE_CANCELLED", "CANCELED")
            if self.stopping:
                job.state = "JOB_STATE_CANCELLING"
            return {}

    @serves("aiplatform.projects.locations.list")
    def regions(self, call: Call) -> Body:
        """Return the regions, two a page."""
        start = int(call.one("pageToken", "0"))
        rows = [{"locationId": region, "name": f"{call.parameters['name']}/locations/{region}"} for region in REGIONS]
        page: Body = {"locations": rows[start : start + 2]}
        return page | ({"nextPageToken": str(start + 2)} if start + 2 < len(rows) else {})

    def close(self) -> None:
        """Turn all machines off."""
        for job in self.jobs:
            for replica in job.replicas:
                replica.kill()

    def _look(self, job: Job) -> None:
        """See what became of a job."""
        if job.state == "JOB_STATE_CANCELLING":
            self.stopping -= 1
            job.state = job.state if self.stopping > 0 else "JOB_STATE_CANCELLED"
        elif job.state in ("JOB_STATE_PENDING", "JOB_STATE_QUEUED"):
            if self.holds:
                job.state = "JOB_STATE_QUEUED"
            elif job.replicas:
                job.state = "JOB_STATE_RUNNING"
            else:
                self._begin(job)
        elif job.state == "JOB_STATE_RUNNING":
            self._follow(job)

    def _begin(self, job: Job) -> None:
        """Start the machines; only the next look sees them run."""
        job.folder.mkdir(parents=True)
        job.began = datetime.now(UTC)
        pools = job.body["jobSpec"]["workerPoolSpecs"]
        port = _free_port()
        addresses = {
            f"workerpool{number}": [
                f"127.0.0.1:{port if number + index == 0 else 2222}" for index in range(_count(pool))
            ]
            for number, pool in enumerate(pools)
        }
        for number, pool in enumerate(pools):
            container = pool["containerSpec"]
            for index in range(_count(pool)):
                cluster = {
                    "cluster": addresses,
                    "environment": "cloud",
                    "task": {"type": f"workerpool{number}", "index": index},
                    "job": json.dumps(job.body["jobSpec"]),
                }
                own = {"CLUSTER_SPEC": json.dumps(cluster), "CLOUD_ML_JOB_ID": job.name.rpartition("/")[2]}
                named = {row["name"]: _expanded(row["value"]) for row in container.get("env", [])}
                command = [*container.get("command", []), *container.get("args", [])]
                environment = {**self.environment, **own, **named}
                job.replicas.append(Replica(f"workerpool{number}-{index}", command, environment, job.folder))
        for replica in job.replicas:
            replica.start()

    def _follow(self, job: Job) -> None:
        """End a job whose first machine has done its work, or one of whose machines fails too often."""
        scheduling = job.body["jobSpec"].get("scheduling", {})
        if job.replicas[0].code == 0:
            job.end("JOB_STATE_SUCCEEDED")
            return
        for replica in job.replicas:
            code = replica.code
            if not code:
                continue
            if scheduling.get("disableRetries") or replica.starts > _RESTARTS:
                job.end("JOB_STATE_FAILED", _why(replica, code))
                return
            again = job.replicas if scheduling.get("restartJobOnWorkerRestart") else [replica]
            for each in again:
                each.kill()
                each.start()
            return

    def _job(self, call: Call) -> Job:
        number = call.parameters["name"].rpartition("/")[2]
        for job in self.jobs:
            if job.name.endswith(f"/{number}"):
                return job
        raise Refusal(404, f"The CustomJob {call.parameters['name']} does not exist.")


def _why(replica: Replica, code: int) -> str:
    if code == -9:
        return f"The replica {replica.name} ran out-of-memory and exited with a non-zero status of 137(SIGKILL)."
    return (
        f"The replica {replica.name} exited with a non-zero status of {code}. Termination reason: Error. "
        f"{replica.output[-2000:]}"
    )


def _count(pool: Body) -> int:
    return int(pool["replicaCount"])


def _expanded(value: str) -> str:
    """Return a variable's value as the container sees it: `$$(` is `$(`."""
    if re.search(r"(?<!\$)\$\(", value):
        raise Refusal(400, f"the double expands no variables: {value}")
    return value.replace("$$(", "$(")


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _time(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
