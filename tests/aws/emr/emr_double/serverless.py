"""Applications and job runs of EMR Serverless, as that service keeps them."""

from __future__ import annotations

import itertools
import json
import shlex
import time
from dataclasses import dataclass, field
from typing import Any

from emr_double.applications import Host, Request, Work
from emr_double.refusal import Refusal, invalid

RELEASES = ("emr-6.15.0", "emr-7.0.0", "emr-7.9.0", "emr-7.13.0", "emr-spark-8.0.0")
_PAGE = 2
_ENDED = ("SUCCESS", "FAILED", "CANCELLED")
_NEXT = {"CREATING": "CREATED", "STARTING": "STARTED", "STOPPING": "STOPPED"}
_DRIVER = "spark.emr-serverless.driverEnv."
_TAKEN = ("--conf", "--py-files", "--archives", "--jars", "--files", "--class", "--packages")


@dataclass
class _Application:
    id: str
    arn: str
    asked: dict[str, Any]
    state: str = "CREATING"
    created: float = field(default_factory=time.time)

    def row(self) -> dict[str, Any]:
        taken = ("name", "releaseLabel", "autoStartConfiguration", "autoStopConfiguration", "tags", "maximumCapacity")
        kept = {name: self.asked[name] for name in (*taken, "networkConfiguration") if name in self.asked}
        if "imageConfiguration" in self.asked:
            kept["imageConfiguration"] = self.asked["imageConfiguration"]
        times = {"createdAt": self.created, "updatedAt": time.time()}
        return {"applicationId": self.id, "arn": self.arn, "type": "Spark", "state": self.state, **times, **kept}


@dataclass
class _JobRun:
    id: str
    arn: str
    application: _Application
    asked: dict[str, Any]
    state: str = "SUBMITTED"
    details: str = " "
    work: Work | None = None
    created: float = field(default_factory=time.time)


class Serverless:
    """What an account has of EMR Serverless in one region.

    Args:
        host: runs the applications.
        account: the account.
        region: the region.
    """

    def __init__(self, host: Host, account: str, region: str) -> None:
        self._host, self._account, self._region = host, account, region
        self._numbers = itertools.count(1)
        self._tokens: dict[tuple[str, str], tuple[str, str]] = {}
        self.applications: dict[str, _Application] = {}
        self.jobs: dict[str, _JobRun] = {}
        self.roles = {f"arn:aws:iam::{account}:role/zenml-emr"}
        self.subnets = {"subnet-0123456789abcdef0"}
        self.out_of_capacity = ""

    def add(self, **asked: Any) -> str:
        """Make an application that is ready, and return its id."""
        defaults = {"name": "shared", "releaseLabel": "emr-spark-8.0.0", "type": "SPARK"}
        id_ = str(self._create({**defaults, "clientToken": f"test-{next(self._numbers)}", **asked})["applicationId"])
        self.applications[id_].state = "CREATED"
        return id_

    def live(self) -> list[str]:
        """Return the ids of the job runs that have not ended."""
        for job in self.jobs.values():
            self._advance(job)
        return [job.id for job in self.jobs.values() if job.state not in _ENDED]

    def answer(self, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        """Fulfil a call."""
        calls = {
            "CreateApplication": self._create,
            "GetApplication": lambda asked: {"application": self._looked_at(asked).row()},
            "ListApplications": self._list_applications,
            "StopApplication": self._stop,
            "DeleteApplication": self._delete,
            "StartJobRun": self._start,
            "GetJobRun": self._get_job,
            "ListJobRuns": self._list_jobs,
            "CancelJobRun": self._cancel,
            "GetDashboardForJobRun": self._dashboard,
        }
        if operation not in calls:
            raise AssertionError(f"the double does not know {operation}")
        return calls[operation](params)

    def _create(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["releaseLabel"] not in RELEASES:
            raise invalid(f"Release label {asked['releaseLabel']} is not supported")
        if asked["type"].lower() not in ("spark", "hive"):
            raise invalid(f"Application type {asked['type']} is not supported")
        network = asked.get("networkConfiguration", {})
        if network.get("securityGroupIds") and not network.get("subnetIds"):
            raise invalid("Security groups cannot be given without subnets")
        for subnet in sorted({*network.get("subnetIds", ())} - self.subnets):
            raise invalid(f"The subnet ID '{subnet}' does not exist")

        def make() -> str:
            id_ = f"00f{next(self._numbers):013d}"
            arn = f"arn:aws:emr-serverless:{self._region}:{self._account}:/applications/{id_}"
            self.applications[id_] = _Application(id_, arn, asked)
            return id_

        id_ = self._once("CreateApplication", asked, make)
        return {"applicationId": id_, "name": asked.get("name", ""), "arn": self.applications[id_].arn}

    def _once(self, operation: str, asked: dict[str, Any], make: Any) -> str:
        """Make a thing, or return the one that the same token made of the same parameters."""
        token = (operation, asked["clientToken"])
        content = json.dumps(asked, sort_keys=True)
        if token not in self._tokens:
            self._tokens[token] = (make(), content)
        id_, before = self._tokens[token]
        if before != content:
            raise Refusal("ConflictException", "The client token was used with other parameters", 409)
        return id_

    def _looked_at(self, asked: dict[str, Any]) -> _Application:
        """Return an application, which has gone on since it was looked at."""
        found = self._application(asked)
        before, found.state = found.state, _NEXT.get(found.state, found.state)
        return _Application(found.id, found.arn, found.asked, before, found.created)

    def _application(self, asked: dict[str, Any]) -> _Application:
        id_ = asked["applicationId"]
        if id_ not in self.applications:
            raise Refusal("ResourceNotFoundException", f"Application {id_} does not exist", 404)
        return self.applications[id_]

    def _list_applications(self, asked: dict[str, Any]) -> dict[str, Any]:
        rows = [
            {
                "id": each.id,
                **{name: value for name, value in each.row().items() if name in _LISTED},
            }
            for each in self.applications.values()
            if each.state in asked.get("states", (each.state,))
        ]
        return _page("applications", rows, asked)

    def _stop(self, asked: dict[str, Any]) -> dict[str, Any]:
        found = self._application(asked)
        if any(job.application is found and job.id in self.live() for job in self.jobs.values()):
            raise invalid("The application has active job runs")
        if found.state == "STARTED":
            found.state = "STOPPING"
        return {}

    def _delete(self, asked: dict[str, Any]) -> dict[str, Any]:
        found = self._application(asked)
        if found.state not in ("CREATED", "STOPPED"):
            raise invalid(f"Application must be in one of the following statuses [CREATED, STOPPED], is {found.state}")
        found.state = "TERMINATED"
        return {}

    def _start(self, asked: dict[str, Any]) -> dict[str, Any]:
        application = self._application(asked)
        if application.state in ("CREATING", "STOPPING", "TERMINATED"):
            raise invalid(f"Application {application.id} is in the state {application.state}")
        starts = application.asked.get("autoStartConfiguration", {}).get("enabled", True)
        if application.state != "STARTED" and not starts:
            raise invalid(f"Application {application.id} is not started, and auto-start is disabled")
        if "sparkSubmit" not in asked.get("jobDriver", {}):
            raise invalid("A job of a Spark application needs sparkSubmit")

        def make() -> str:
            id_ = f"00j{next(self._numbers):013d}"
            job = _JobRun(id_, f"{application.arn}/jobruns/{id_}", application, asked)
            self.jobs[id_] = job
            application.state = "STARTED"
            return id_

        id_ = self._once("StartJobRun", asked, make)
        return {"applicationId": application.id, "jobRunId": id_, "arn": self.jobs[id_].arn}

    def _begin(self, job: _JobRun) -> None:
        role = job.asked["executionRoleArn"]
        if role not in self.roles:
            job.state = "FAILED"
            job.details = (
                f"Could not assume runtime role {role} because it does not exist or isn't set up with the required "
                "trust relationship"
            )
            return
        if self.out_of_capacity:
            job.state, job.details = "FAILED", self.out_of_capacity
            return
        submit = job.asked["jobDriver"]["sparkSubmit"]
        overrides = job.asked.get("configurationOverrides", {})
        settings: dict[str, str] = {}
        for block in overrides.get("applicationConfiguration", ()):
            if block["classification"] == "spark-defaults":
                settings |= block.get("properties", {})
        words = iter(shlex.split(submit.get("sparkSubmitParameters", "")))
        for word in words:
            if word not in _TAKEN:
                job.state, job.details = "FAILED", f"Error: Unrecognized option: {word}"
                return
            value = next(words)
            if word == "--conf":
                name, _, text = value.partition("=")
                settings[name] = text
        environment = {key.removeprefix(_DRIVER): text for key, text in settings.items() if key.startswith(_DRIVER)}
        logs = overrides.get("monitoringConfiguration", {}).get("s3MonitoringConfiguration", {}).get("logUri", "")
        place = f"{logs.rstrip('/')}/applications/{job.application.id}/jobs/{job.id}/SPARK_DRIVER" if logs else ""
        request = Request(
            submit["entryPoint"], tuple(submit.get("entryPointArguments", ())), settings, environment, place
        )
        job.state = "RUNNING"
        job.work = self._host.start(request)

    def _advance(self, job: _JobRun) -> None:
        if job.state == "SUBMITTED":
            job.state = "PENDING"
        elif job.state == "PENDING":
            self._begin(job)
        elif job.work and job.state not in _ENDED and job.work.ended:
            if job.state == "CANCELLING":
                job.state, job.details = "CANCELLED", "Job run was cancelled"
            elif job.work.exit_code == 0:
                job.state = "SUCCESS"
            else:
                job.state = "FAILED"
                job.details = (
                    "Job failed, please check complete logs in configured logging destination. "
                    f"ExitCode: {job.work.exit_code}. Last few exceptions: {job.work.last_line}"
                )[:256]

    def _job(self, asked: dict[str, Any]) -> _JobRun:
        application = self._application(asked)
        job = self.jobs.get(asked["jobRunId"])
        if job is None or job.application is not application:
            raise Refusal("ResourceNotFoundException", f"Job run {asked['jobRunId']} does not exist", 404)
        return job

    def _get_job(self, asked: dict[str, Any]) -> dict[str, Any]:
        job = self._job(asked)
        self._advance(job)
        return {"jobRun": {"applicationId": job.application.id, "jobRunId": job.id, **self._row(job)}}

    def _row(self, job: _JobRun) -> dict[str, Any]:
        row = {
            "name": job.asked.get("name", "none"),
            "arn": job.arn,
            "createdBy": f"arn:aws:iam::{self._account}:user/tester",
            "createdAt": job.created,
            "updatedAt": time.time(),
            "executionRole": job.asked["executionRoleArn"],
            "state": job.state,
            "stateDetails": job.details.strip() or "-",
            "releaseLabel": job.application.asked["releaseLabel"],
        }
        return {**row, "jobDriver": job.asked["jobDriver"], "tags": job.asked.get("tags", {})}

    def _list_jobs(self, asked: dict[str, Any]) -> dict[str, Any]:
        application = self._application(asked)
        jobs = [job for job in self.jobs.values() if job.application is application]
        for job in jobs:
            self._advance(job)
        hidden = ("jobDriver", "tags")
        rows = [
            {
                "applicationId": application.id,
                "id": job.id,
                **{name: value for name, value in self._row(job).items() if name not in hidden},
            }
            for job in jobs
            if job.state in asked.get("states", (job.state,))
        ]
        return _page("jobRuns", rows, asked)

    def _cancel(self, asked: dict[str, Any]) -> dict[str, Any]:
        job = self._job(asked)
        self._advance(job)
        if job.state in _ENDED:
            raise invalid(f"Job run {job.id} is in the state {job.state}")
        if job.work is None:
            job.state, job.details = "CANCELLED", "Job run was cancelled"
        else:
            job.state = "CANCELLING"
            job.work.kill()
        return {"applicationId": job.application.id, "jobRunId": job.id}

    def _dashboard(self, asked: dict[str, Any]) -> dict[str, Any]:
        job = self._job(asked)
        return {"url": f"https://p-{job.id}.emrappui-prod.{self._region}.amazonaws.com/shs/history"}


_LISTED = ("name", "arn", "releaseLabel", "type", "state", "createdAt", "updatedAt")


def _page(key: str, rows: list[dict[str, Any]], asked: dict[str, Any]) -> dict[str, Any]:
    """Return a page of few rows, and how to go on."""
    start = int(asked.get("nextToken", "0"))
    stop = start + min(_PAGE, int(asked.get("maxResults", _PAGE)))
    return {key: rows[start:stop], **({"nextToken": str(stop)} if stop < len(rows) else {})}
