"""Cluster: jobs as steps of an EMR cluster."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from zenml.artifacts.store import ArtifactStore
from zenml.errors import Problem, StoreError, ZenMLError
from zenml.metadata.records import State
from zenml.runtime.remote_job import RemoteRun, Resource
from zenml_aws.api_trouble import BusyError, RefusedError
from zenml_aws.emr.driver_log import last_lines, read
from zenml_aws.emr.place import Job, Place, Submission, by_run, prefix_of
from zenml_aws.emr.release import release_problem
from zenml_aws.session import Service, connect

if TYPE_CHECKING:
    from zenml_aws.emr.backend import ProcessingEMRBackend

_STATES = {
    "PENDING": State.PENDING,
    "RUNNING": State.RUNNING,
    "CANCEL_PENDING": State.RUNNING,
    "COMPLETED": State.COMPLETE,
    "FAILED": State.FAILED,
    "CANCELLED": State.CANCELED,
    "INTERRUPTED": State.FAILED,
}
_LIVE = [state for state, meaning in _STATES.items() if not meaning.ended]
_USABLE = ("STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING")
_PAUSES = (1.0, 2.0, 4.0, 8.0)


class Cluster(Place):
    """An EMR cluster.

    Args:
        backend: which one, and what to ask of it.
    """

    def __init__(self, backend: ProcessingEMRBackend) -> None:
        self._backend = backend

    @property
    def _service(self) -> Service:
        return connect("emr", self._backend.region, self._backend.profile)

    @property
    def _adding(self) -> Service:
        """Makes each call once: a step is added as often as it is asked for, and the client asks again by itself."""
        return connect("emr", self._backend.region, self._backend.profile, attempts=1)

    @property
    def where(self) -> str:
        """The cluster."""
        return f"EMR cluster {self._backend.cluster_id}"

    def problems(self) -> Iterator[Problem]:
        """Yield why the cluster cannot be used."""
        field = "ProcessingEMRBackend.cluster_id"
        try:
            found = self._cluster()
        except RefusedError as error:
            if error.code not in ("InvalidRequestException", "ValidationException"):
                raise
            what = f"there is no cluster {self._backend.cluster_id} in {self._service.region}"
            yield Problem(what, field, "List them: aws emr list-clusters --active")
            return
        what = _unusable(found)
        if what:
            yield Problem(what, field, "Name another one, or use EMR Serverless: execution_role_arn=")
        if "spark" not in {row["Name"].lower() for row in found.get("Applications", ())}:
            yield Problem("the cluster has no Spark", field, "Name one that was made with the application Spark")
        told = release_problem(found.get("ReleaseLabel", ""))
        if told:
            yield Problem(told, field, "Name another one")

    def render(self, submission: Submission) -> list[Resource]:
        """Return the step."""
        return [Resource("AddJobFlowSteps", submission.name, self.request(submission))]

    def submit(self, submission: Submission) -> str:
        """Add a step, or find it there; steps have no tokens, so that they are known by their names."""
        there = self._named(submission.name)
        for job in there:
            if not job.state.ended:
                return job.id
        known = {job.id for job in there}
        for pause in (*_PAUSES, None):
            try:
                return str(self._adding.call("AddJobFlowSteps", **self.request(submission))["StepIds"][0])
            except BusyError:  # the step may be there all the same, or soon
                time.sleep(pause or 0)
                added = [job.id for job in self._named(submission.name) if job.id not in known]
                if added:
                    return added[0]
                if pause is None:
                    raise
        raise ZenMLError("no step could be added", self.where)

    def request(self, submission: Submission) -> dict[str, Any]:
        """Return the parameters of AddJobFlowSteps."""
        settings = {**submission.conf, **submission.settings}
        command = ["spark-submit", "--master", "yarn", "--deploy-mode", "cluster"]
        for name, value in settings.items():
            command += ["--conf", f"{name}={value}"]
        step = {
            "Name": submission.name,
            "ActionOnFailure": "CONTINUE",
            "HadoopJarStep": {
                "Jar": "command-runner.jar",
                "Args": [*command, submission.main, *submission.arguments],
            },
        }
        asked: dict[str, Any] = {"JobFlowId": self._backend.cluster_id, "Steps": [step]}
        if self._backend.execution_role_arn:
            asked["ExecutionRoleArn"] = self._backend.execution_role_arn
        return asked

    def look(self, job: str) -> Job:
        """Return the state of a step; where it did not end well as its cluster ended, that is told."""
        found = _job(self._service.call("DescribeStep", ClusterId=self._backend.cluster_id, StepId=job)["Step"])
        ended_with = self._ending() if found.state in (State.FAILED, State.CANCELED) else ""
        return replace(found, state=State.FAILED, details=ended_with) if ended_with else found

    def cancel(self, job: str) -> None:
        """Cancel a step; one that has ended stays as it is."""
        self._service.call(
            "CancelSteps",
            ClusterId=self._backend.cluster_id,
            StepIds=[job],
            StepCancellationOption="TERMINATE_PROCESS",
        )

    def jobs(self, prefix: str) -> list[Job]:
        """Return the steps that go on."""
        return [job for job in self._steps(_LIVE) if job.name.startswith(prefix)]

    def end(self, run_id: str) -> None:
        """Cancel the steps of a run."""
        for job in self.jobs(prefix_of(run_id)):
            self.cancel(job.id)

    def held(self) -> list[RemoteRun]:
        """Return the runs of the steps that go on."""
        return by_run((job.name, f"step/{job.id}", job.state) for job in self._steps(_LIVE))

    def link(self, job: str) -> str:
        """Return the console's page of the cluster."""
        region = self._service.region
        return f"https://{region}.console.aws.amazon.com/emr/home?region={region}#/clusterDetails/{self._backend.cluster_id}"

    def last_words(self, job: str) -> list[str]:
        """Return the last lines of the driver's standard error, or of the step's own; they come after some minutes."""
        try:
            root = re.sub(r"^s3[an]://", "s3://", str(self._cluster().get("LogUri", ""))).rstrip("/")
        except ZenMLError:
            return []
        if not root:
            return []
        logs = self._backend.store_at(f"{root}/{self._backend.cluster_id}")
        step = f"steps/{job}/stderr.gz"
        started = re.search(r"application_\d+_\d+", read(logs, step))
        driver = _driver_log(logs, started[0]) if started else ""
        return (last_lines(logs, driver) if driver else []) or last_lines(logs, step)

    def _cluster(self) -> dict[str, Any]:
        found: dict[str, Any] = self._service.call("DescribeCluster", ClusterId=self._backend.cluster_id)["Cluster"]
        return found

    def _ending(self) -> str:
        """Return how the cluster ended; empty where it goes on, or where one may not ask."""
        try:
            return _unusable(self._cluster())
        except RefusedError:
            return ""

    def _named(self, name: str) -> list[Job]:
        return [job for job in self._steps(list(_STATES)) if job.name == name]

    def _steps(self, states: list[str]) -> list[Job]:
        rows = self._service.all("ListSteps", "Steps", ClusterId=self._backend.cluster_id, StepStates=states)
        return [_job(row) for row in rows]


def _unusable(cluster: dict[str, Any]) -> str:
    """Return why a cluster takes no steps; empty where it does."""
    status = cluster["Status"]
    reason = str(status.get("StateChangeReason", {}).get("Message", "")).rstrip(".")
    told = f"the cluster is {status['State']}{f': {reason}' if reason else ''}"
    return "" if status["State"] in _USABLE else told


def _job(row: dict[str, Any]) -> Job:
    status = row["Status"]
    reason = status.get("StateChangeReason", {}).get("Message", "")
    failure = status.get("FailureDetails", {})
    told = [text.rstrip(".") for text in (reason, failure.get("Reason"), failure.get("Message")) if text]
    return Job(str(row["Id"]), str(row["Name"]), _STATES[status["State"]], ". ".join(told))


def _driver_log(logs: ArtifactStore, application: str) -> str:
    """Return the key of the log of an application's first container, in which its driver runs."""
    try:
        found = [key for key in logs.list(f"containers/{application}") if key.endswith("/stderr.gz")]
    except StoreError:
        return ""
    return min(found, default="")
