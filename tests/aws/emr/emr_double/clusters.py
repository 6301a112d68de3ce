"""Clusters and steps of EMR, as that service keeps them."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from typing import Any

from emr_double.applications import Host, Request, Work
from emr_double.refusal import Refusal, invalid

_PAGE = 2
_ENDED = ("COMPLETED", "FAILED", "CANCELLED", "INTERRUPTED")
_GONE = ("TERMINATING", "TERMINATED", "TERMINATED_WITH_ERRORS")
_DRIVER = "spark.yarn.appMasterEnv."
_APPLICATION = "application_1790000000000_{:04d}"


@dataclass
class _Step:
    id: str
    asked: dict[str, Any]
    number: int
    state: str = "PENDING"
    failure: str = ""
    work: Work | None = None
    created: float = field(default_factory=time.time)

    def row(self) -> dict[str, Any]:
        status: dict[str, Any] = {"State": self.state, "Timeline": {"CreationDateTime": self.created}}
        if self.failure:
            status["FailureDetails"] = {"Reason": "Unknown Error.", "Message": self.failure}
        jar = self.asked["HadoopJarStep"]
        config = {"Jar": jar["Jar"], "Properties": {}, "Args": jar.get("Args", [])}
        action = self.asked.get("ActionOnFailure", "CONTINUE")
        return {
            "Id": self.id,
            "Name": self.asked["Name"],
            "Config": config,
            "ActionOnFailure": action,
            "Status": status,
        }


@dataclass
class _Cluster:
    id: str
    state: str
    release: str
    applications: tuple[str, ...]
    logs: str
    reason: str
    steps: list[_Step] = field(default_factory=list)


class Clusters:
    """The clusters of an account in one region; one step runs at a time, as is EMR's default.

    Args:
        host: runs the applications.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._numbers = itertools.count(1)
        self.clusters: dict[str, _Cluster] = {}

    def add(
        self,
        *,
        state: str = "WAITING",
        release: str = "emr-spark-8.0.0",
        applications: tuple[str, ...] = ("Hadoop", "Spark"),
        logs: str = "",
        reason: str = "",
    ) -> str:
        """Add a cluster, and return its id."""
        id_ = f"j-{next(self._numbers):013d}"
        self.clusters[id_] = _Cluster(id_, state, release, applications, logs, reason)
        return id_

    def terminate(self, id_: str, reason: str) -> None:
        """End a cluster, and the steps that it has."""
        cluster = self.clusters[id_]
        cluster.state, cluster.reason = "TERMINATED", reason
        for step in cluster.steps:
            if step.state not in _ENDED:
                step.state = "INTERRUPTED" if step.work else "CANCELLED"
                if step.work:
                    step.work.kill()

    def live(self) -> list[str]:
        """Return the ids of the steps that have not ended."""
        return [step.id for each in self.clusters.values() for step in each.steps if step.state not in _ENDED]

    def answer(self, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        """Fulfil a call."""
        calls = {
            "AddJobFlowSteps": self._add_steps,
            "DescribeCluster": self._describe,
            "DescribeStep": self._describe_step,
            "ListSteps": self._list_steps,
            "CancelSteps": self._cancel,
        }
        if operation not in calls:
            raise AssertionError(f"the double does not know {operation}")
        return calls[operation](params)

    def _cluster(self, id_: str, code: str = "InvalidRequestException") -> _Cluster:
        if id_ not in self.clusters:
            raise Refusal(code, f"Cluster id '{id_}' is not valid.")
        return self.clusters[id_]

    def _describe(self, asked: dict[str, Any]) -> dict[str, Any]:
        found = self._cluster(asked["ClusterId"])
        status: dict[str, Any] = {"State": found.state}
        if found.reason:
            status["StateChangeReason"] = {"Code": "USER_REQUEST", "Message": found.reason}
        told: dict[str, Any] = {
            "Id": found.id,
            "Name": "tests",
            "Status": status,
            "ReleaseLabel": found.release,
            "Applications": [{"Name": name, "Version": "1"} for name in found.applications],
        }
        return {"Cluster": told | ({"LogUri": found.logs.replace("s3://", "s3n://")} if found.logs else {})}

    def _add_steps(self, asked: dict[str, Any]) -> dict[str, Any]:
        found = self._cluster(asked["JobFlowId"], "ValidationException")
        if found.state in _GONE:
            raise invalid("A job flow that is shutting down, terminated, or finished may not be modified.")
        made = [_Step(f"s-{(number := next(self._numbers)):013d}", row, number) for row in asked["Steps"]]
        found.steps += made
        return {"StepIds": [step.id for step in made]}

    def _step(self, asked: dict[str, Any]) -> tuple[_Cluster, _Step]:
        found = self._cluster(asked["ClusterId"])
        for step in found.steps:
            if step.id == asked["StepId"]:
                return found, step
        raise Refusal("InvalidRequestException", f"Step id '{asked['StepId']}' is not valid.")

    def _describe_step(self, asked: dict[str, Any]) -> dict[str, Any]:
        found, step = self._step(asked)
        self._advance(found)
        return {"Step": step.row()}

    def _list_steps(self, asked: dict[str, Any]) -> dict[str, Any]:
        found = self._cluster(asked["ClusterId"])
        self._advance(found)
        rows = [step.row() for step in reversed(found.steps) if step.state in asked.get("StepStates", (step.state,))]
        start = int(asked.get("Marker", "0"))
        stop = start + _PAGE
        return {"Steps": rows[start:stop], **({"Marker": str(stop)} if stop < len(rows) else {})}

    def _cancel(self, asked: dict[str, Any]) -> dict[str, Any]:
        found = self._cluster(asked["ClusterId"])
        answers = []
        for id_ in asked["StepIds"]:
            step = next((step for step in found.steps if step.id == id_), None)
            if step is None or step.state in _ENDED:
                answers.append({"StepId": id_, "Status": "FAILED", "Reason": "The step is not pending or running"})
                continue
            answers.append({"StepId": id_, "Status": "SUBMITTED"})
            if step.work:
                step.state = "CANCEL_PENDING"
                step.work.kill()
            else:
                step.state = "CANCELLED"
        return {"CancelStepsInfoList": answers}

    def _advance(self, cluster: _Cluster) -> None:
        for step in cluster.steps:
            if step.work and step.state not in _ENDED and step.work.ended:
                if step.state == "CANCEL_PENDING":
                    step.state = "CANCELLED"
                elif step.work.exit_code == 0:
                    step.state = "COMPLETED"
                else:
                    step.state, step.failure = "FAILED", "Exception in thread main: application failed"
        if any(step.state in ("RUNNING", "CANCEL_PENDING") for step in cluster.steps):
            return
        for step in cluster.steps:
            if step.state == "PENDING":
                self._begin(cluster, step)
                return

    def _begin(self, cluster: _Cluster, step: _Step) -> None:
        jar = step.asked["HadoopJarStep"]
        words = iter(jar.get("Args", ()))
        if jar["Jar"] != "command-runner.jar" or next(words, "") != "spark-submit":
            step.state, step.failure = "FAILED", "Cannot run program"
            return
        settings: dict[str, str] = {}
        rest: list[str] = []
        for word in words:
            if word == "--conf" and not rest:
                name, _, text = next(words).partition("=")
                settings[name] = text
            elif word in ("--master", "--deploy-mode") and not rest:
                settings[word] = next(words)
            else:
                rest.append(word)
        if (settings.pop("--master", ""), settings.pop("--deploy-mode", "")) != ("yarn", "cluster"):
            step.state, step.failure = "FAILED", "the double runs drivers on the cluster only"
            return
        environment = {key.removeprefix(_DRIVER): text for key, text in settings.items() if key.startswith(_DRIVER)}
        application = _APPLICATION.format(step.number)
        container = f"container_1790000000000_{step.number:04d}_01_000001"
        root = f"{cluster.logs.rstrip('/')}/{cluster.id}"
        place = f"{root}/containers/{application}/{container}" if cluster.logs else ""
        if cluster.logs:
            told = f"26/01/01 00:00:00 INFO Client: Submitted application {application}\n"
            self._host.put_log(f"{root}/steps/{step.id}/stderr.gz", told)
        step.state = "RUNNING"
        step.work = self._host.start(Request(rest[0], tuple(rest[1:]), settings, environment, place))
