"""The Job controller: makes pods, judges how they ended, keeps deadlines, and collects what is not needed any more."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable

from kube_double.admission import admit
from kube_double.node import ENDED, condition, has_condition
from kube_double.objects import Body, Objects, now
from kube_double.refusal import Refusal

_PAUSE = 0.2
"""Seconds before a pod that could not be made, or that failed, is followed by another; a real one takes ten."""


class JobController:
    """Looks after all Jobs.

    Args:
        objects: where they are.
        clock: seconds that only grow.
    """

    def __init__(self, objects: Objects, clock: Callable[[], float]) -> None:
        self._objects, self._clock = objects, clock
        self._counted: set[str] = set()
        self._began: dict[str, float] = {}
        self._ended: dict[str, float] = {}
        self._next: dict[str, float] = {}

    def tick(self) -> None:
        """Take every Job one step further, and collect garbage."""
        for resource, body in self._objects.orphans():
            if resource == "pods":
                delete_pod(self._objects, body)
            else:
                self._objects.drop(resource, body)
        for pod in self._objects.all("pods"):
            if pod["metadata"].get("deletionTimestamp") and pod["status"].get("phase") in ENDED and not _job_of(pod):
                self._objects.drop("pods", pod)
        for job in self._objects.all("jobs"):
            self._step(job)
        for resource, body in self._objects.orphans():  # pods of a Job that is gone, which have ended
            if resource == "pods" and body["status"].get("phase") in ENDED:
                self._objects.drop(resource, body)

    def _step(self, job: Body) -> None:
        uid, spec, status = job["metadata"]["uid"], job["spec"], job["status"]
        pods = [body for resource, body in self._objects.owned_by(uid) if resource == "pods"]
        for pod in pods:
            if pod["status"].get("phase") in ENDED:
                self._count(job, pod)
        pods = [body for resource, body in self._objects.owned_by(uid) if resource == "pods"]
        active = [pod for pod in pods if pod["status"].get("phase") not in ENDED]
        if job["metadata"].get("deletionTimestamp"):
            self._delete(job, pods)
            return
        if has_condition(job, "Complete") or has_condition(job, "Failed"):
            keep = spec.get("ttlSecondsAfterFinished")
            if keep is not None and self._clock() >= self._ended[uid] + keep:
                self._objects.drop("jobs", job)
            return
        if spec.get("suspend"):
            return
        if status.get("active", 0) != len(active):
            status["active"] = len(active)
            self._objects.touch(job)
        self._began.setdefault(uid, self._clock())
        status.setdefault("startTime", now())
        limit = spec.get("activeDeadlineSeconds")
        if limit is not None and self._clock() >= self._began[uid] + limit and not _judged(job):
            self._fail(job, "DeadlineExceeded", "Job was active longer than specified deadline")
        if _judged(job):
            for pod in active:
                delete_pod(self._objects, pod)
            if not active:
                self._finish(job)
        elif not active and self._clock() >= self._next.get(uid, 0):
            self._make_pod(job)

    def _count(self, job: Body, pod: Body) -> None:
        """Judge how a pod ended, once."""
        uid = pod["metadata"]["uid"]
        if uid in self._counted:
            return
        self._counted.add(uid)
        if not _judged(job) and not job["metadata"].get("deletionTimestamp"):
            self._judge(job, pod)
        if pod["metadata"].get("deletionTimestamp"):
            self._objects.drop("pods", pod)
        self._objects.touch(job)

    def _judge(self, job: Body, pod: Body) -> None:
        if pod["status"]["phase"] == "Succeeded":
            job["status"]["succeeded"] = 1
            condition(job, "SuccessCriteriaMet", "CompletionsReached", "Reached expected number of succeeded pods")
            return
        action, why = _by_policy(job, pod)
        if action == "FailJob":
            self._fail(job, "PodFailurePolicy", why)
        elif action == "Count":
            failed = job["status"]["failed"] = job["status"].get("failed", 0) + 1
            if failed > job["spec"]["backoffLimit"]:
                self._fail(job, "BackoffLimitExceeded", "Job has reached the specified backoff limit")
        self._next[job["metadata"]["uid"]] = self._clock() + _PAUSE

    def _fail(self, job: Body, reason: str, message: str) -> None:
        condition(job, "FailureTarget", reason, message)
        self._objects.event(job, reason, message)
        self._objects.touch(job)

    def _finish(self, job: Body) -> None:
        """Say that a Job has ended, now that none of its pods is left."""
        self._ended[job["metadata"]["uid"]] = self._clock()
        if has_condition(job, "SuccessCriteriaMet"):
            condition(job, "Complete", "CompletionsReached", "Reached expected number of succeeded pods")
            job["status"]["completionTime"] = now()
        else:
            (why,) = (each for each in job["status"]["conditions"] if each["type"] == "FailureTarget")
            condition(job, "Failed", why["reason"], why["message"])
        self._objects.touch(job)

    def _make_pod(self, job: Body) -> None:
        meta, template = job["metadata"], copy.deepcopy(job["spec"]["template"])
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": meta["name"], "uid": meta["uid"]}
        pod = {
            "metadata": {
                **template.get("metadata", {}),
                "name": f"{meta['name']}-{uuid.uuid4().hex[:5]}",
                "ownerReferences": [{**owner, "controller": True, "blockOwnerDeletion": True}],
            },
            "spec": {"terminationGracePeriodSeconds": 30, "serviceAccountName": "default", **template["spec"]},
            "status": {"phase": "Pending"},
        }
        try:
            admit(self._objects, "pods", meta["namespace"], pod)
        except Refusal as refusal:
            self._objects.event(job, "FailedCreate", f"Error creating: {refusal.message}")
            self._next[meta["uid"]] = self._clock() + _PAUSE
            return
        self._objects.add("pods", meta["namespace"], pod)
        self._objects.event(job, "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}", "Normal")
        job["status"]["active"] = 1
        self._objects.touch(job)

    def _delete(self, job: Body, pods: list[Body]) -> None:
        """Go on deleting a Job whose pods are to go first."""
        for pod in pods:
            delete_pod(self._objects, pod)
        if not pods:
            self._objects.drop("jobs", job)


def delete_pod(objects: Objects, pod: Body, grace: float | None = None) -> None:
    """Begin to delete a pod; the node ends its processes first."""
    meta = pod["metadata"]
    if "deletionTimestamp" not in meta:
        usual = pod["spec"].get("terminationGracePeriodSeconds", 30)
        meta |= {"deletionTimestamp": now(), "deletionGracePeriodSeconds": usual if grace is None else grace}
        objects.touch(pod)
    if pod["status"].get("phase") in ENDED:
        objects.drop("pods", pod)


def _judged(job: Body) -> bool:
    return has_condition(job, "FailureTarget") or has_condition(job, "SuccessCriteriaMet")


def _job_of(pod: Body) -> str:
    return next((owner["uid"] for owner in pod["metadata"].get("ownerReferences", ()) if owner["kind"] == "Job"), "")


def _by_policy(job: Body, pod: Body) -> tuple[str, str]:
    """Return what the Job's policy says of a pod that failed: an action, and the message that goes with it."""
    where = f"for pod {pod['metadata']['namespace']}/{pod['metadata']['name']}"
    for index, rule in enumerate((job["spec"].get("podFailurePolicy") or {}).get("rules", ())):
        action = rule["action"]
        tail = f"matching {action} rule at index {index}"
        codes = rule.get("onExitCodes")
        if codes:
            for status in pod["status"].get("containerStatuses", ()):
                code = status["state"].get("terminated", {}).get("exitCode", 0)
                named = codes.get("containerName") in (None, status["name"])
                if code and named and (code in codes["values"]) == (codes["operator"] == "In"):
                    return action, f"Container {status['name']} {where} failed with exit code {code} {tail}"
        for wanted in rule.get("onPodConditions") or ():
            for each in pod["status"].get("conditions", ()):
                if each["type"] == wanted["type"] and each["status"] == wanted.get("status", "True"):
                    return action, f"Pod {pod['metadata']['name']} has condition {each['type']} {tail}"
    return "Count", ""
