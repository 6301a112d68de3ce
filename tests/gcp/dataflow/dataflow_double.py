"""Dataflow: jobs that are checked as the service checks them, and run what they were sent."""

from __future__ import annotations

import hashlib
import re
import threading
import urllib.parse
import urllib.request
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from google_double import Body, Call, Refusal, Service, serves
from worker_machines import WorkerMachine, WorkerMachines

REGIONS = ("europe-west1", "europe-west4", "us-central1")
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,1022}[a-z0-9])?")
_LABEL_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL = re.compile(r"[a-z0-9_-]{0,63}")
_IMAGE = re.compile(r"[\w.-]+(:\d+)?(/[\w.-]+)*(:[\w.-]+)?(@sha256:[0-9a-f]{64})?")
_NEEDED = ("workerHarnessContainerImage", "sdkHarnessContainerImages", "autoscalingSettings")
_ATTEMPTS = 4
"""So often is work begun whose worker is lost."""
_LOST = (
    "A work item was attempted 4 times without success. Each time the worker eventually lost contact with the service. "
    "The work item was attempted on: zenml-worker-1, zenml-worker-2, zenml-worker-3, zenml-worker-4"
)
_ENDED = ("JOB_STATE_DONE", "JOB_STATE_FAILED", "JOB_STATE_CANCELLED")


@dataclass
class Job:
    """A job.

    Args:
        body: as it was sent.
        id: which the service gave it.
        made: when.
        region: where it runs.
    """

    body: Body
    id: str
    made: str
    region: str
    state: str = "JOB_STATE_PENDING"
    machine: WorkerMachine | None = None
    messages: list[tuple[str, str]] = field(default_factory=list)
    looks: int = 0
    starts: int = 0

    @property
    def active(self) -> bool:
        """Whether it has not ended."""
        return self.state not in _ENDED


class Dataflow(Service):
    """Dataflow.

    Args:
        folder: for the machines' files.
        storage: address of the service that keeps the buckets.
        environment: variables of the workers, by which they reach it.
    """

    DOCUMENT = "dataflow.v1b3"
    HOST = "dataflow.googleapis.com"
    PERMISSIONS: ClassVar[Mapping[str, str]] = {
        "dataflow.projects.locations.jobs.create": "dataflow.jobs.create",
        "dataflow.projects.locations.jobs.get": "dataflow.jobs.get",
        "dataflow.projects.locations.jobs.list": "dataflow.jobs.list",
        "dataflow.projects.locations.jobs.update": "dataflow.jobs.cancel",
        "dataflow.projects.locations.jobs.messages.list": "dataflow.messages.list",
    }

    def __init__(self, folder: Path, storage: str, machines: WorkerMachines, environment: Mapping[str, str]) -> None:
        super().__init__()
        self.jobs: list[Job] = []
        """Every job that was ever made."""
        self.fails: list[list[str]] = []
        """Messages with which the next jobs fail before they do anything, one list each."""
        self.stopping = 0
        """For how many looks a job that is stopped is still there."""
        self.holds = False
        """Whether jobs do not begin."""
        self.folder, self._storage, self._machines = folder, storage, machines
        self.environment = dict(environment)
        self._lock = threading.RLock()

    def look(self) -> None:
        """See what became of the jobs; what fails or succeeds is noted when somebody looks."""
        with self._lock:
            for job in self.jobs:
                machine = job.machine
                if job.state == "JOB_STATE_CANCELLING":
                    job.looks -= 1
                    job.state = job.state if job.looks > 0 else "JOB_STATE_CANCELLED"
                    continue
                if not job.active or machine is None or not machine.ended:
                    continue
                if machine.lost and job.starts < _ATTEMPTS:
                    self._work(job)
                elif machine.lost:
                    job.state = "JOB_STATE_FAILED"
                    job.messages.append(("JOB_MESSAGE_ERROR", _LOST))
                else:
                    job.state = "JOB_STATE_DONE" if machine.succeeded else "JOB_STATE_FAILED"
                    if not machine.succeeded:
                        job.messages.append(("JOB_MESSAGE_ERROR", f"Workflow failed. {machine.output[-3000:]}"))

    def release(self) -> None:
        """Let the jobs begin that were held."""
        with self._lock:
            self.holds = False
            for job in self.jobs:
                if job.active and job.machine is None:
                    self._start(job)

    @serves("dataflow.projects.locations.jobs.create")
    def create(self, call: Call) -> Body:
        """Make a job and start its workers."""
        body, region = call.body, call.parameters["location"]
        if region not in REGIONS:
            raise Refusal(400, f"The workflow could not be created. {region} is no supported region")
        _check(body)
        with self._lock:
            self.look()
            same = [job for job in self.jobs if job.body["name"] == body["name"] and job.region == region]
            asked = body.get("clientRequestId")
            if any(job.active or (asked and job.body.get("clientRequestId") == asked) for job in same):
                raise Refusal(409, f"There is already an active job named {body['name']}.")
            made = datetime.now(UTC).isoformat().replace("+00:00", "Z")
            job = Job(body, f"2026-11-21_{uuid.uuid4().hex[:12]}", made, region)
            self.jobs.append(job)
            if self.fails:
                job.state = "JOB_STATE_FAILED"
                job.messages += [("JOB_MESSAGE_ERROR", text) for text in self.fails.pop(0)]
            elif not self.holds:
                self._start(job)
            return self._told(job)

    @serves("dataflow.projects.locations.jobs.get")
    def get(self, call: Call) -> Body:
        """Return a job."""
        self.look()
        return self._told(self._job(call))

    @serves("dataflow.projects.locations.jobs.list")
    def list(self, call: Call) -> Body:
        """Return the jobs of a region, two a page, the newest first."""
        self.look()
        kind = call.one("filter", "ALL")
        kind = {"1": "ALL", "2": "TERMINATED", "3": "ACTIVE"}.get(kind, kind)
        rows = [job for job in reversed(self.jobs) if job.region == call.parameters["location"]]
        rows = [job for job in rows if kind == "ALL" or job.active == (kind == "ACTIVE")]
        start = int(call.one("pageToken", "0"))
        page: Body = {"jobs": [_summary(self._told(job)) for job in rows[start : start + 2]]}
        return page | ({"nextPageToken": str(start + 2)} if start + 2 < len(rows) else {})

    @serves("dataflow.projects.locations.jobs.update")
    def update(self, call: Call) -> Body:
        """Stop a job."""
        with self._lock:
            self.look()
            job = self._job(call)
            wanted = call.body.get("requestedState")
            if wanted not in ("JOB_STATE_CANCELLED", 5):
                raise Refusal(400, f"Cannot set requested state {wanted}")
            if not job.active:
                raise Refusal(400, f"Workflow modification failed. {job.id}: the job is already in a terminal state")
            if job.machine:
                job.machine.kill()
            job.state, job.looks = "JOB_STATE_CANCELLING" if self.stopping else "JOB_STATE_CANCELLED", self.stopping
            return self._told(job)

    @serves("dataflow.projects.locations.jobs.messages.list")
    def messages(self, call: Call) -> Body:
        """Return what a job says."""
        rows = self._job(call).messages
        return {
            "jobMessages": [
                {"id": str(number), "messageImportance": importance, "messageText": text}
                for number, (importance, text) in enumerate(rows)
            ]
        }

    def close(self) -> None:
        """End the workers that are left."""
        for job in self.jobs:
            if job.machine:
                job.machine.kill()

    def _start(self, job: Job) -> None:
        options = job.body["environment"]["sdkPipelineOptions"]["options"]
        try:
            data = self._object(options["pipelineUrl"])
        except OSError as error:
            job.state = "JOB_STATE_FAILED"
            job.messages.append(("JOB_MESSAGE_ERROR", f"Unable to read the pipeline: {error}"))
            return
        if hashlib.sha256(data).hexdigest() != options["pipelineProtoHash"]:
            raise Refusal(400, "The pipeline is not the one that was announced.")
        (self.folder / f"{job.id}.pb").parent.mkdir(parents=True, exist_ok=True)
        (self.folder / f"{job.id}.pb").write_bytes(data)
        self._work(job)
        job.state = "JOB_STATE_RUNNING"

    def _work(self, job: Job) -> None:
        """Let a worker work on a job from the beginning."""
        folder = self.folder / f"{job.id}-{job.starts}"
        folder.mkdir()
        job.starts += 1
        job.machine = self._machines.start(self.folder / f"{job.id}.pb", folder, self.environment)

    def _object(self, url: str) -> bytes:
        bucket, _, name = url.removeprefix("gs://").partition("/")
        place = f"{self._storage}/storage/v1/b/{bucket}/o/{urllib.parse.quote(name, safe='')}?alt=media"
        with urllib.request.urlopen(place) as answer:
            found: bytes = answer.read()
            return found

    def _job(self, call: Call) -> Job:
        for job in self.jobs:
            if job.id == call.parameters["jobId"]:
                return job
        raise Refusal(404, f"({call.parameters['jobId']}): Information about job could not be found in our system.")

    def _told(self, job: Job) -> Body:
        kept = {name: value for name, value in job.body.items() if name in ("name", "labels", "clientRequestId")}
        facts = {"id": job.id, "currentState": job.state, "createTime": job.made, "location": job.region}
        return {**kept, **facts, "type": "JOB_TYPE_BATCH"}


def _check(body: Body) -> None:
    """Refuse what the service refuses beyond what its document says."""
    environment: Any = body.get("environment", {})
    options = environment.get("sdkPipelineOptions", {}).get("options", {})
    pools = environment.get("workerPools", [])
    problems = [f"label {key}={value}" for key, value in body.get("labels", {}).items()
                if not (_LABEL_KEY.fullmatch(key) and _LABEL.fullmatch(value))]  # fmt: skip
    if not _NAME.fullmatch(body.get("name", "")):
        problems.append(f"name {body.get('name')}")
    if body.get("type") not in ("JOB_TYPE_BATCH", 1):
        problems.append("type")
    if environment.get("version") != {"job_type": "FNAPI_BATCH", "major": "8"}:
        problems.append("environment.version")
    if not str(options.get("pipelineUrl")).startswith("gs://") or not options.get("pipelineProtoHash"):
        problems.append("pipelineUrl")
    if not str(environment.get("tempStoragePrefix")).startswith("storage.googleapis.com/"):
        problems.append("tempStoragePrefix")
    if len(pools) != 1 or any(name not in pools[0] for name in _NEEDED):
        problems.append("workerPools")
    elif not all(_IMAGE.fullmatch(image["containerImage"]) for image in pools[0]["sdkHarnessContainerImages"]):
        problems.append("containerImage")
    if problems:
        raise Refusal(400, f"The workflow could not be created: invalid {', '.join(problems)}")


def _summary(job: Body) -> Body:
    """Return what a listing tells of a job."""
    return {name: job[name] for name in ("id", "name", "type", "currentState", "createTime", "location")}
