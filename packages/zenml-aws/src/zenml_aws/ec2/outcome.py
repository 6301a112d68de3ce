"""What an instance and its console say about how a run stands: pure functions of what EC2 answered."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from zenml.errors import Problem
from zenml.metadata.records import State
from zenml.runtime.remote import JobStatus
from zenml.runtime.remote_job import EXIT_COMPLETE

Body = dict[str, Any]

_REPORT = re.compile(r"zenml-report: ([^\r\n]+)")
_BEGINS = re.compile(r"zenml: run \S+: preparing")
_PREFIX = re.compile(r"^(\[\s*[0-9.]+\] )?cloud-init\[[0-9]+\]: ")

_TAKEN = {
    "Server.SpotInstanceTermination": "EC2 took the spot instance back",
    "Server.SpotInstanceShutdown": "EC2 took the spot instance back",
    "Server.ScheduledStop": "EC2 retired the instance's host",
    "Server.InternalError": "the instance was lost by an error of EC2",
}
"""What EC2 does without being asked, after which the run goes on."""

_ENDED = {
    "Client.UserInitiatedShutdown": ("was terminated by a user", ""),
    "Client.UserInitiatedHibernate": ("was hibernated by a user", ""),
    "Client.InternalError": (
        "could not start: most often, because its encrypted volume cannot be made",
        "Let the key's policy allow it: kms:CreateGrant, kms:Decrypt, kms:GenerateDataKeyWithoutPlaintext",
    ),
    "Client.InvalidSnapshot.NotFound": ("could not start: its image has no snapshot", "Name another one: ami=…"),
    "Client.VolumeLimitExceeded": (
        "could not start: the quota of volumes is used up",
        "Remove volumes, ask for less in disk_size_gb=, or have the quota raised",
    ),
    "Server.InsufficientInstanceCapacity": (
        "could not start: EC2 has no capacity for it",
        "Try another instance_type=, another zone (subnet_id=…), or later",
    ),
}


@dataclass(frozen=True)
class Ending:
    """How an instance ended.

    Args:
        taken: whether it was taken away, so that the run is to go on.
        status: of the run, where it does not.
    """

    taken: bool
    status: JobStatus


def standing(instance: Body, link: str, *, began: bool) -> JobStatus | None:
    """Return how a run stands whose instance is there; None where the instance ended.

    Args:
        instance: the instance.
        link: a page that shows it.
        began: whether the supervisor ever gave a sign.
    """
    name, state = instance["InstanceId"], instance["State"]["Name"]
    if state == "pending":
        return JobStatus(State.PENDING, f"its instance {name} starts", link)
    if state == "running" and began:
        return JobStatus(State.RUNNING, "", link)
    if state == "running":
        return JobStatus(State.PENDING, f"its instance {name} runs, and prepares the container", link)
    if state in ("shutting-down", "stopping"):
        return JobStatus(State.RUNNING, f"its instance {name} is about to end", link)
    if state == "stopped":
        what = f"its instance {name} was stopped by a user, and does not go on when it is started again"
        return JobStatus(State.FAILED, str(Problem(what, mend="Run again; clean-up removes the instance")), link)
    return None


def report_in(console: str) -> str:
    """Return what the machine reported last on its console, or an empty string."""
    found = _REPORT.findall(console)
    return str(found[-1]).strip() if found else ""


def ending(instance: Body, report: str, link: str, *, waits: bool) -> Ending:
    """Return how an instance ended.

    Args:
        instance: that ended.
        report: what it reported.
        link: a page that shows it.
        waits: whether the supervisor said last that it was preempted.
    """
    name = instance["InstanceId"]
    why = instance.get("StateReason") or {}
    code, message = str(why.get("Code", "")), str(why.get("Message", ""))

    def failed(what: str, mend: str = "") -> Ending:
        return Ending(False, JobStatus(State.FAILED, str(Problem(what, mend=mend)), link))

    if report == "late":
        return failed("the deadline has passed, and the machine was ended", "Raise deadline_seconds")
    if code in _TAKEN:
        return Ending(True, JobStatus(State.PENDING, f"{_TAKEN[code]} ({name})", link))
    if report.startswith("failed "):
        return failed(f"on its instance {name}: {report.removeprefix('failed ')}", _mend(report))
    if code in _ENDED:
        what, mend = _ENDED[code]
        return failed(f"its instance {name} {what} ({code})", mend)
    if waits or report == "preempted":
        return Ending(True, JobStatus(State.PENDING, f"its instance {name} ended before the run did", link))
    if report == "stopped":
        return failed(f"its instance {name} was shut down before the run had ended")
    if report.startswith("ended "):
        exit_code, _, memory = report.removeprefix("ended ").partition(" ")
        if exit_code == str(EXIT_COMPLETE):
            return Ending(False, JobStatus(State.COMPLETE, "", link))
        if memory == "true":
            return failed("out of memory: the container was killed", "Choose a larger instance_type=")
        guess = " (SIGKILL: out of memory?)" if exit_code == "137" else ""
        return failed(f"the container ended with exit code {exit_code}{guess}")
    told = f": {message}" if message else f" ({code})" if code else ", and EC2 no longer tells why"
    return failed(f"its instance {name} ended{told}".replace(f"{code}: {code}: ", f"{code}: "))


def _mend(report: str) -> str:
    if "cannot be pulled" in report:
        return "Check image=, that it was pushed, that it is made for this architecture, and that the role may pull it"
    if "refuses the role" in report:
        return "Grant the role ecr:GetAuthorizationToken, and to pull from the repository"
    if "secrets of the run" in report:
        return "Grant the role ssm:GetParametersByPath on parameter/zenml/*, and kms:Decrypt where a key is named"
    if "cannot be installed" in report:
        return "The subnet needs a way to Amazon's package repositories; or name an image that has it: ami=…"
    if "container cannot be started" in report:
        return "The image needs python on its PATH, with zenml-core installed; or name it: python=…"
    return ""


def script_lines(console: str) -> list[str]:
    """Return what the run's script wrote to a console, without what the system did before."""
    lines = console.replace("\r", "").split("\n")
    begin = next((number for number, line in enumerate(lines) if _BEGINS.search(line)), None)
    if begin is None:  # it is not there yet, or so much was written since that it is gone
        begin = 0 if any("zenml" in line for line in lines) else len(lines)
    return [_PREFIX.sub("", line) for line in lines[begin:]]
