"""Serverless: jobs on an application of EMR Serverless, which may be made for them."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from zenml.errors import Problem, ZenMLError
from zenml.metadata.records import State
from zenml.runtime.remote_job import RemoteRun, Resource
from zenml_aws.api_trouble import RefusedError
from zenml_aws.emr.driver_log import last_lines
from zenml_aws.emr.place import Job, Place, Submission, by_run, prefix_of, run_of
from zenml_aws.emr.release import release_problem
from zenml_aws.session import Service, connect

if TYPE_CHECKING:
    from zenml_aws.emr.backend import ProcessingEMRBackend

_STATES = {
    "SUBMITTED": State.PENDING,
    "QUEUED": State.PENDING,
    "PENDING": State.PENDING,
    "SCHEDULED": State.PENDING,
    "RUNNING": State.RUNNING,
    "CANCELLING": State.RUNNING,
    "SUCCESS": State.COMPLETE,
    "FAILED": State.FAILED,
    "CANCELLED": State.CANCELED,
}
_LIVE = [state for state, meaning in _STATES.items() if not meaning.ended]
_PASSING = ("CREATING", "STOPPING")
"""States of an application that takes no job now, and soon will."""

_NEW = "new"
"""Stands for the id of an application that is not made yet."""

_IDLE_MINUTES = 15
_PAUSE = 1.0
_MOST_WAITS = 300
_WAITS_AT_END = 30
"""A run does not end before this, so it is no long time; what then is still there costs nothing, and `gc` finds it."""


class Serverless(Place):
    """An application of EMR Serverless.

    Args:
        backend: which one, and what to ask of it.
    """

    def __init__(self, backend: ProcessingEMRBackend) -> None:
        self._backend = backend

    @property
    def _service(self) -> Service:
        return connect("emr-serverless", self._backend.region, self._backend.profile)

    @property
    def where(self) -> str:
        """EMR Serverless, and the application where one is named."""
        named = self._backend.application_id
        return f"EMR Serverless application {named}" if named else "EMR Serverless"

    def problems(self) -> Iterator[Problem]:
        """Yield why the application cannot be used."""
        backend = self._backend
        if not backend.application_id:
            self._applications()  # so that whoever may not ask is told now
            return
        field = "ProcessingEMRBackend.application_id"
        try:
            found = self._application(backend.application_id)
        except RefusedError as error:
            if error.code != "ResourceNotFoundException":
                raise
            mend = "List them: aws emr-serverless list-applications; or leave it out to have one made"
            yield Problem(f"there is no application {backend.application_id} in {self._service.region}", field, mend)
            return
        if found["state"] == "TERMINATED":
            yield Problem(f"the application {backend.application_id} was deleted", field, "Name another one")
        elif not found.get("autoStartConfiguration", {}).get("enabled", True) and found["state"] != "STARTED":
            mend = f"Start it: aws emr-serverless start-application --application-id {backend.application_id}"
            yield Problem(f"the application is {found['state']}, and does not start by itself", field, mend)
        if found["type"].lower() != "spark":
            yield Problem(f"the application runs {found['type']}, not Spark", field, "Name another one")
        told = release_problem(found["releaseLabel"])
        if told:
            yield Problem(told, field, "Name another one")
        yield from self._capacity(found)

    def render(self, submission: Submission) -> list[Resource]:
        """Return the application that is made, if one is, and the job run."""
        named = self._backend.application_id
        run = Resource("StartJobRun", submission.name, self.request(named or _NEW, submission))
        if named:
            return [run]
        made = self.application(submission.run_id, submission.tags)
        return [Resource("CreateApplication", made["name"], made), run]

    def submit(self, submission: Submission) -> str:
        """Start a job run, or find it going on."""
        application = self._backend.application_id or self._make(submission)
        self._wait(application, _PASSING)
        there = [job for job in self._listed(application) if job.name == submission.name]
        for job in there:
            if not job.state.ended:
                return f"{application}/{job.id}"
        # The service answers a token that it has seen with the job of then; what has ended is not wanted again.
        token = hashlib.sha256(f"{application} {submission.name} {len(there)}".encode()).hexdigest()
        answer = self._service.call("StartJobRun", **self.request(application, submission), clientToken=token)
        return f"{application}/{answer['jobRunId']}"

    def request(self, application: str, submission: Submission) -> dict[str, Any]:
        """Return the parameters of StartJobRun, but for the token."""
        backend = self._backend
        arguments = [word for name, value in submission.settings.items() for word in ("--conf", f"{name}={value}")]
        overrides: dict[str, Any] = {
            "monitoringConfiguration": {"s3MonitoringConfiguration": {"logUri": f"{submission.logs}/"}}
        }
        if submission.conf:
            properties = {"classification": "spark-defaults", "properties": dict(submission.conf)}
            overrides["applicationConfiguration"] = [properties]
        asked: dict[str, Any] = {
            "applicationId": application,
            "executionRoleArn": backend.execution_role_arn,
            "name": submission.name,
            "jobDriver": {
                "sparkSubmit": {
                    "entryPoint": submission.main,
                    "entryPointArguments": list(submission.arguments),
                    "sparkSubmitParameters": " ".join(arguments),  # the values of fields hold no spaces
                }
            },
            "configurationOverrides": overrides,
            "tags": dict(submission.tags),
        }
        if backend.deadline_seconds:
            asked["executionTimeoutMinutes"] = -(-backend.deadline_seconds // 60)
        return asked

    def look(self, job: str) -> Job:
        """Return the state of a job run."""
        application, number = job.split("/")
        found = self._service.call("GetJobRun", applicationId=application, jobRunId=number)["jobRun"]
        return Job(job, str(found.get("name", "")), _STATES[found["state"]], found.get("stateDetails", ""))

    def cancel(self, job: str) -> None:
        """Cancel a job run; one that has ended stays as it is."""
        application, number = job.split("/")
        try:
            self._service.call("CancelJobRun", applicationId=application, jobRunId=number)
        except RefusedError as error:
            if error.code not in ("ValidationException", "ResourceNotFoundException"):
                raise
            if error.code == "ValidationException" and not self.look(job).state.ended:
                raise

    def jobs(self, prefix: str) -> list[Job]:
        """Return the job runs that go on."""
        named = self._backend.application_id
        return [
            Job(f"{application}/{job.id}", job.name, job.state)
            for application in ([named] if named else self._made(run_of(prefix)))
            for job in self._listed(application, _LIVE)
            if job.name.startswith(prefix)
        ]

    def link(self, job: str) -> str:
        """Return Spark's page of a job run, which is open for an hour; without the right to ask, its place."""
        application, number = job.split("/")
        try:
            answer = self._service.call("GetDashboardForJobRun", applicationId=application, jobRunId=number)
            return str(answer.get("url", ""))
        except ZenMLError:
            return ""  # it is no more than a help

    def last_words(self, job: str) -> list[str]:
        """Return the last lines of the driver's standard error."""
        application, number = job.split("/")
        key = f"applications/{application}/jobs/{number}/SPARK_DRIVER/stderr.gz"
        return last_lines(self._backend.staging, f"logs/{key}")

    def end(self, run_id: str) -> None:
        """Cancel the job runs of a run, and delete the application that was made for it."""
        named = self._backend.application_id
        for application in [named] if named else self._made(run_id):
            for job in self._listed(application, _LIVE):
                if run_of(job.name) == run_id:
                    self.cancel(f"{application}/{job.id}")
            if not named:
                self._delete(application)

    def held(self) -> list[RemoteRun]:
        """Return the runs of the job runs that go on, and of the applications that were made."""
        named = self._backend.application_id
        there = [] if named else [row for row in self._applications() if row["state"] != "TERMINATED"]
        made = {str(row["id"]): str(row["name"]) for row in there}
        jobs = [job for application in (named, *made) if application for job in self._listed(application, _LIVE)]
        return by_run(
            [
                *((name, f"application/{application}", State.LOST) for application, name in made.items()),
                *((job.name, f"job run/{job.id}", job.state) for job in jobs),
            ]
        )

    # The application that is made for a run

    def application(self, run_id: str, tags: Mapping[str, str]) -> dict[str, Any]:
        """Return the parameters of CreateApplication, but for the token."""
        backend = self._backend
        asked: dict[str, Any] = {
            "name": self._name(run_id),
            "releaseLabel": backend.release,
            "type": "SPARK",
            "autoStartConfiguration": {"enabled": True},
            "autoStopConfiguration": {"enabled": True, "idleTimeoutMinutes": _IDLE_MINUTES},
            "tags": dict(tags),
        }
        if backend.image:
            asked["imageConfiguration"] = {"imageUri": backend.image}
        network = {"subnetIds": backend.subnet_ids, "securityGroupIds": backend.security_group_ids}
        if any(network.values()):
            asked["networkConfiguration"] = {name: list(ids) for name, ids in network.items() if ids}
        return asked

    def _name(self, run_id: str) -> str:
        """Return the name of the application that is made for a run: one for all backends that ask for the same."""
        backend = self._backend
        asked = (backend.release, backend.image, backend.subnet_ids, backend.security_group_ids, backend.extra_tags)
        return f"{prefix_of(run_id)}{hashlib.sha256(repr(asked).encode()).hexdigest()[:8]}"

    def _applications(self) -> list[dict[str, Any]]:
        rows = self._service.all("ListApplications", "applications", maxResults=50)
        return [row for row in rows if run_of(row.get("name", ""))]

    def _made(self, run_id: str, *, gone: bool = False) -> list[str]:
        """Return the ids of the applications that were made for a run; there is one, but for what went wrong."""
        name = self._name(run_id)
        rows = [row for row in self._applications() if row["name"] == name and (row["state"] == "TERMINATED") == gone]
        return sorted(str(row["id"]) for row in rows)

    def _make(self, submission: Submission) -> str:
        there = self._made(submission.run_id)
        if there:
            return there[0]
        asked = self.application(submission.run_id, submission.tags)
        # As for jobs: another token for another life, after the application of the first was deleted.
        past = " ".join([asked["name"], *self._made(submission.run_id, gone=True)])
        token = hashlib.sha256(past.encode()).hexdigest()
        return str(self._service.call("CreateApplication", **asked, clientToken=token)["applicationId"])

    def _delete(self, application: str) -> None:
        """Delete an application, which must be stopped first, and before that have no job."""
        for _ in range(_WAITS_AT_END):
            if not self._listed(application, _LIVE):
                break
            time.sleep(_PAUSE)
        self._wait(application, (*_PASSING, "STARTING"), _WAITS_AT_END)
        if self._application(application)["state"] == "STARTED":
            self._service.call("StopApplication", applicationId=application)
            self._wait(application, ("STARTED", *_PASSING), _WAITS_AT_END)
        try:
            self._service.call("DeleteApplication", applicationId=application)
        except RefusedError:  # it was asked twice, where the first answer did not arrive
            if self._application(application)["state"] != "TERMINATED":
                raise

    def _wait(self, application: str, states: tuple[str, ...], times: int = _MOST_WAITS) -> None:
        state = ""
        for _ in range(times):
            state = self._application(application)["state"]
            if state not in states:
                return
            time.sleep(_PAUSE)
        raise ZenMLError(f"the application {application} is still {state}", self.where)

    def _application(self, application: str) -> dict[str, Any]:
        found: dict[str, Any] = self._service.call("GetApplication", applicationId=application)["application"]
        return found

    def _listed(self, application: str, states: list[str] | None = None) -> list[Job]:
        asked = {"states": states} if states else {}
        rows = self._service.all("ListJobRuns", "jobRuns", applicationId=application, maxResults=50, **asked)
        return [Job(str(row["id"]), str(row.get("name", "")), _STATES[row["state"]]) for row in rows]

    def _capacity(self, found: dict[str, Any]) -> Iterator[Problem]:
        """Yield where one executor is more than the application may grow to."""
        most = found.get("maximumCapacity", {})
        cores = re.match(r"\d+", str(most.get("cpu", "")))
        if cores and self._backend.executor_cores and self._backend.executor_cores > int(cores[0]):
            what = f"an executor has {self._backend.executor_cores} cores, and the application at most {cores[0]}"
            yield Problem(what, "ProcessingEMRBackend.executor_cores", "Ask for fewer, or raise its maximum capacity")
