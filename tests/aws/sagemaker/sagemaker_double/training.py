"""Training: the training jobs of an account, each of which really trains."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aws_double.refusal import Refusal

from sagemaker_double.instance import NOT_FOUND, Instance

_LOOK = 0.02
_GRACE = 30.0
_PAGE = 2
_NO_IMAGE = (
    "ClientError: Cannot pull algorithm container. Either the image does not exist or its permissions are incorrect."
)
_NO_START = (
    "ClientError: CannotStartContainerError. Please make sure the container can be run with "
    "'docker run {image} train'. Please refer SageMaker documentation for details."
)
_MESSAGES = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading the training image",
    "Training": "Training image download completed. Training in progress.",
    "Interrupted": "Spot capacity was taken back",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "Stopping": "Stopping the training job",
    "Stopped": "Training job stopped",
    "Failed": "Training job failed",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    "MaxWaitTimeExceeded": "Training job waited longer than MaxWaitTimeInSeconds provided",
}
_WAIT = "import time; time.sleep(600)"
_PROGRAMS = {
    "wait": _WAIT,
    "die": _WAIT,
    "MaxRuntimeExceeded": _WAIT,
    "lost": "raise SystemExit(75)",
    "exit": "print('what it wrote last'); raise SystemExit(9)",
}
FATES = ("succeed", "MaxWaitTimeExceeded", *_PROGRAMS)
"""What can be planned for a job: it ends well without doing anything, waits too long for capacity, goes on until it is
stopped, is killed, takes too long, says that it was lost, says nothing but a code; any other text is the reason for
which it fails before it begins."""


@dataclass
class Job:
    """A training job."""

    asked: dict[str, Any]
    arn: str
    fate: str
    created: float = field(default_factory=time.time)
    status: str = "InProgress"
    passed: list[tuple[str, float]] = field(default_factory=list)
    reason: str = ""
    instances: list[Instance] = field(default_factory=list)
    lives: int = 0
    stop: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.asked["TrainingJobName"])

    @property
    def stage(self) -> str:
        """How far it is."""
        return self.passed[-1][0]

    def go(self, stage: str, status: str = "") -> None:
        """Enter a stage, and with the last one a state."""
        self.passed.append((stage, time.time()))
        self.status = status or self.status

    def log(self, instance: Instance) -> str:
        """Return the name of the stream that an instance writes to."""
        return f"{self.name}/{instance.host}-{int(self.created)}"


class Training:
    """The jobs.

    Args:
        folder: for the instances.
        prefix: of the jobs' ARNs.
        role_problem: says why a role cannot be assumed; empty where it can.
        environment: of all containers, beside what is asked for.
    """

    def __init__(
        self, folder: Path, prefix: str, role_problem: Callable[[str], str], environment: dict[str, str]
    ) -> None:
        self._folder, self._prefix, self._role_problem, self._environment = folder, prefix, role_problem, environment
        self.jobs: dict[str, Job] = {}
        self.plan: list[str] = []
        self.images: set[str] = set()
        self.bare_images: set[str] = set()
        self.quota: dict[str, int] = {}
        self.interrupt_when: Callable[[], bool] | None = None
        """Says when the capacity of the spot job that trains is taken away, once."""

    def end(self) -> None:
        """End all jobs."""
        for job in self.jobs.values():
            job.stop.set()
            for instance in job.instances:
                instance.signal(signal.SIGKILL)
        for job in self.jobs.values():
            job.over.wait(60)

    def live(self) -> list[str]:
        """Return the names of the jobs that have not ended."""
        return [job.name for job in self.jobs.values() if job.status in ("InProgress", "Stopping")]

    def answer(self, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        """Fulfil a call."""
        calls = {
            "CreateTrainingJob": self._create,
            "DescribeTrainingJob": self._describe,
            "StopTrainingJob": self._stop,
            "ListTrainingJobs": self._list,
        }
        if operation not in calls:
            raise AssertionError(f"the double does not know {operation}")
        return calls[operation](params)

    def _create(self, asked: dict[str, Any]) -> dict[str, Any]:
        name = asked["TrainingJobName"]
        if name in self.jobs:
            text = f"Training job names must be unique within an AWS account and region, and {name} already exists"
            raise Refusal("ResourceInUse", text)
        wrong = _wrong(asked) or self._role_problem(asked["RoleArn"])
        if wrong:
            raise Refusal("ValidationException", wrong)
        kind, count = asked["ResourceConfig"]["InstanceType"], asked["ResourceConfig"]["InstanceCount"]
        most = self.quota.get(kind, 8)
        used = sum(
            job.asked["ResourceConfig"]["InstanceCount"]
            for job in self.jobs.values()
            if job.name in self.live() and job.asked["ResourceConfig"]["InstanceType"] == kind
        )
        if used + count > most:
            raise Refusal(
                "ResourceLimitExceeded",
                f"The account-level service limit '{kind} for training job usage' is {most} Instances, with current "
                f"utilization of {used} Instances and a request delta of {count} Instances. Please use AWS Service "
                "Quotas to request an increase for this quota.",
            )
        arn = f"{self._prefix}:training-job/{name}"
        job = Job(asked, arn, self.plan.pop(0) if self.plan else "")
        job.go("Starting")
        self.jobs[name] = job
        threading.Thread(target=self._run, args=(job,), daemon=True).start()
        return {"TrainingJobArn": arn}

    def _describe(self, asked: dict[str, Any]) -> dict[str, Any]:
        job = self._job(asked)
        kept = ("RoleArn", "AlgorithmSpecification", "OutputDataConfig", "ResourceConfig", "StoppingCondition")
        passed = [
            {"Status": stage, "StartTime": at, "StatusMessage": _MESSAGES[stage]} for stage, at in list(job.passed)
        ]
        return {
            **self._row(job),
            "SecondaryStatus": job.stage,
            "ModelArtifacts": {
                "S3ModelArtifacts": f"{job.asked['OutputDataConfig']['S3OutputPath']}/{job.name}/output/model.tar.gz"
            },
            "SecondaryStatusTransitions": passed,
            **({"FailureReason": job.reason} if job.reason else {}),
            **{name: job.asked[name] for name in kept},
        }

    def _stop(self, asked: dict[str, Any]) -> dict[str, Any]:
        job = self._job(asked)
        if job.over.is_set():
            text = f"The request was rejected because the training job is in status {job.status}"
            raise Refusal("ValidationException", text)
        if not job.stop.is_set():
            job.go("Stopping", "Stopping")
            job.stop.set()
        return {}

    def _list(self, asked: dict[str, Any]) -> dict[str, Any]:
        rows = [
            self._row(job)
            for job in self.jobs.values()
            if asked.get("NameContains", "") in job.name and job.status == asked.get("StatusEquals", job.status)
        ]
        start = int(asked.get("NextToken", "0"))
        stop = start + min(_PAGE, int(asked.get("MaxResults", _PAGE)))
        more = {"NextToken": str(stop)} if stop < len(rows) else {}
        return {"TrainingJobSummaries": rows[start:stop], **more}

    def _row(self, job: Job) -> dict[str, Any]:
        return {
            "TrainingJobName": job.name,
            "TrainingJobArn": job.arn,
            "TrainingJobStatus": job.status,
            "CreationTime": job.created,
            "LastModifiedTime": job.passed[-1][1],
        }

    def _job(self, asked: dict[str, Any]) -> Job:
        if asked["TrainingJobName"] not in self.jobs:
            raise Refusal("ValidationException", "Requested resource not found.")
        return self.jobs[asked["TrainingJobName"]]

    # What becomes of a job

    def _run(self, job: Job) -> None:
        try:
            end = self._train(job)
        except BaseException as error:
            end = ("Failed", f"the double failed: {error!r}")
            raise
        finally:
            for instance in job.instances:
                instance.signal(signal.SIGKILL)
                instance.wait()
            stage, job.reason = end
            status = {"Completed": "Completed", "Failed": "Failed"}.get(stage, "Stopped")
            job.go(stage, status)
            job.over.set()

    def _train(self, job: Job) -> tuple[str, str]:
        """Train; return the last stage, and why it failed."""
        image = job.asked["AlgorithmSpecification"]["TrainingImage"]
        if job.fate == "succeed":
            return "Completed", ""
        if job.fate == "MaxWaitTimeExceeded":
            return job.fate, ""
        if job.fate and job.fate not in FATES:
            return "Failed", job.fate
        if image not in self.images | self.bare_images:
            return "Failed", _NO_IMAGE
        while True:
            job.lives += 1
            job.go("Downloading")
            self._start(job, bare=image in self.bare_images)
            job.go("Training")
            if not self._is_interrupted(job):
                return self._end(job)
            job.go("Interrupted")
            self._stop_containers(job)
            job.go("Starting")

    def _start(self, job: Job, *, bare: bool) -> None:
        count = job.asked["ResourceConfig"]["InstanceCount"]
        hosts = [
            f"127.0.0.{number}" for number in range(1, 1 + count)
        ]  # stand for algo-1 and so on, by which they meet
        told = job.asked["AlgorithmSpecification"]
        command = [*told["ContainerEntrypoint"], *told.get("ContainerArguments", ())]
        if job.fate in _PROGRAMS:
            command = [sys.executable, "-c", _PROGRAMS[job.fate]]
        environment = {
            "TRAINING_JOB_NAME": job.name,
            "TRAINING_JOB_ARN": job.arn,
            **self._environment,
            **job.asked.get("Environment", {}),
        }
        folder = self._folder / job.name / str(job.lives)
        kind = job.asked["ResourceConfig"]["InstanceType"]
        made = [Instance(folder / host, hosts, number, kind, bare=bare) for number, host in enumerate(hosts)]
        for instance in made:
            instance.start(command, environment)
        job.instances[:] = made

    def _is_interrupted(self, job: Job) -> bool:
        """Wait until the containers end, or are to end; say whether that is because the capacity is taken away."""
        spot = job.asked.get("EnableManagedSpotTraining", False)
        while not job.stop.wait(_LOOK):
            codes = [instance.code for instance in job.instances]
            if None not in codes or any(codes) or job.fate in ("die", "MaxRuntimeExceeded"):
                return False
            if spot and self.interrupt_when and self.interrupt_when():
                self.interrupt_when = None
                return True
        return False

    def _stop_containers(self, job: Job) -> None:
        """Ask the containers to end, and kill what does not."""
        for instance in job.instances:
            instance.signal(signal.SIGTERM)
        until = time.monotonic() + _GRACE
        while any(instance.code is None for instance in job.instances) and time.monotonic() < until:
            time.sleep(_LOOK)
        for instance in job.instances:
            instance.signal(signal.SIGKILL)
            instance.wait()

    def _end(self, job: Job) -> tuple[str, str]:
        if job.stop.is_set() or job.fate == "MaxRuntimeExceeded":
            self._stop_containers(job)
            return ("Stopped" if job.stop.is_set() else job.fate), ""
        if job.fate == "die":
            for instance in job.instances:
                instance.signal(signal.SIGKILL)
                instance.wait()
        for instance in job.instances:
            if instance.code == NOT_FOUND:
                return "Failed", _NO_START.format(image=job.asked["AlgorithmSpecification"]["TrainingImage"])
            if instance.code:
                return "Failed", f"AlgorithmError: {instance.failure}, exit code: {instance.code}"
        job.go("Uploading")
        return "Completed", ""


def _wrong(asked: dict[str, Any]) -> str:
    """Return what the service holds against a request beyond its model; empty where there is nothing."""
    stop, spot = asked["StoppingCondition"], asked.get("EnableManagedSpotTraining", False)
    longest, wait = stop.get("MaxRuntimeInSeconds", 86_400), stop.get("MaxWaitTimeInSeconds")
    if spot and wait is None:
        return "MaxWaitTimeInSeconds must be set when EnableManagedSpotTraining is true"
    if wait is not None and not spot:
        return "MaxWaitTimeInSeconds is only supported when EnableManagedSpotTraining is true"
    if wait is not None and wait < longest:
        return f"Invalid MaxWaitTimeInSeconds: {wait} must be equal to or greater than MaxRuntimeInSeconds"
    if spot and wait is not None and wait - longest > 3600 and "CheckpointConfig" not in asked:
        return "MaxWaitTimeInSeconds above 3600 needs CheckpointConfig"
    if longest > 432_000:
        return f"MaxRuntimeInSeconds {longest} exceeds the account's limit of 432000"
    if "TrainingImage" not in asked["AlgorithmSpecification"]:
        return "Either TrainingImage or AlgorithmName must be given"
    return ""
