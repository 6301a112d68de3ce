"""What a Job, its pods and its events say about how a run stands: pure functions of what the cluster answered."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from zenml.errors import Problem
from zenml.metadata.records import State
from zenml.runtime.remote import JobStatus
from zenml_k8s.manifest import CONTAINER

Body = dict[str, Any]

_HOPELESS_PULL = re.compile(
    r"not found|manifest unknown|does not exist|denied|unauthorized|authorization failed|forbidden|"
    r"no match for platform|no matching manifest",
    re.IGNORECASE,
)
_HOPELESS_SETTING = re.compile(r"not found|couldn't find key|runAsNonRoot|non-numeric user", re.IGNORECASE)
_HOPELESS_POD = re.compile(r"violates PodSecurity|error looking up service account|failed quota", re.IGNORECASE)
_PULL = "Check image=, that it was pushed, and that the cluster may pull it (image_pull_secrets=…)"


def status_of(job: Body | None, pods: Sequence[Body], events: Sequence[Body]) -> JobStatus:
    """Return how a run stands.

    Args:
        job: its Job, or None where there is none (any more).
        pods: of the Job.
        events: about the Job and its pods.
    """
    pods = sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")))
    live = [pod for pod in pods if _phase(pod) not in ("Succeeded", "Failed")]
    if job is None:
        if live:
            return JobStatus(State.RUNNING, "the Job was deleted, and its pod is about to end")
        return JobStatus(State.LOST, "the Job is gone: somebody deleted it, or its namespace")
    for condition in _conditions(job):
        if condition["type"] == "Complete":
            return JobStatus(State.COMPLETE)
        if condition["type"] == "Failed":
            return JobStatus(State.FAILED, str(_failure(job, condition, pods, events)))
    if live:
        return _of_pod(live[-1], events)
    if job["spec"].get("suspend"):
        return JobStatus(State.PENDING, "the Job is suspended, by a queue or by hand")
    refused = _refused_pod(events)
    if refused and not pods:
        hopeless = _HOPELESS_POD.search(refused.what)
        return JobStatus(State.FAILED if hopeless else State.PENDING, str(refused))
    if pods and _phase(pods[-1]) == "Failed":
        return JobStatus(State.PENDING, f"it starts again: {how_it_ended(job, pods[-1]).what}")
    return JobStatus(State.PENDING)


def how_it_ended(job: Body, pod: Body) -> Problem:
    """Return why a pod failed."""
    status = pod.get("status", {})
    ended = _state(pod, "terminated")
    code, reason = ended.get("exitCode"), ended.get("reason", "")
    if status.get("reason") == "Evicted":
        what = f"the pod was evicted: {str(status.get('message', '')).strip().rstrip('.')}"
        return Problem(what, mend="Ask for what it needs: resources={'requests': …}; for disk: scratch_size=…")
    if reason == "OOMKilled":
        return _out_of_memory(job)
    disrupted = next((each for each in _conditions(pod) if each["type"] == "DisruptionTarget"), None)
    if disrupted:
        return Problem(f"the pod was preempted ({disrupted.get('reason', '')}): {disrupted.get('message', '')}")
    if reason in ("StartError", "ContainerCannotRun"):
        what = f"the container cannot be started: {ended.get('message', '')}"
        return Problem(what, mend="The image needs python on its PATH, with zenml-core installed")
    if code == 137:
        return Problem("the container was killed (SIGKILL)", mend="If it was for memory, raise resources= limits")
    if code is not None:
        said = str(ended.get("message", "")).strip().splitlines()
        return Problem(f"the container ended with exit code {code}" + (f": {said[-1]}" if said else ""))
    return Problem(str(status.get("message") or "the pod failed"))


def _out_of_memory(job: Body) -> Problem:
    (container,) = job["spec"]["template"]["spec"]["containers"]
    limit = (container.get("resources") or {}).get("limits", {}).get("memory")
    if limit:
        what = f"out of memory: the container used more than its limit of {limit}"
        return Problem(what, mend="Raise it: resources={'limits': {'memory': …}}")
    what = "out of memory: the node had none left"
    return Problem(what, mend="Ask for what it needs: resources={'requests': {'memory': …}}")


def _failure(job: Body, condition: Body, pods: Sequence[Body], events: Sequence[Body]) -> Problem:
    """Return why a Job failed."""
    failed = [pod for pod in pods if _phase(pod) == "Failed"]
    if condition.get("reason") == "DeadlineExceeded":
        seconds = job["spec"].get("activeDeadlineSeconds")
        what = f"the Job took longer than its deadline of {seconds} seconds"
        began = any(event.get("reason") == "Started" for event in events)
        why = "" if began or failed else _last_warning(events)
        return Problem(what + (f", and never began: {why}" if why else ""), mend="Raise active_deadline_seconds")
    if failed:
        return how_it_ended(job, failed[-1])
    return Problem(str(condition.get("message") or condition.get("reason") or "the Job failed"))


def _of_pod(pod: Body, events: Sequence[Body]) -> JobStatus:
    """Return how a pod stands that has not ended."""
    if _phase(pod) == "Running" or _state(pod, "running"):
        return JobStatus(State.RUNNING)
    own = [event for event in events if event.get("involvedObject", {}).get("uid") == pod["metadata"]["uid"]]
    for condition in pod.get("status", {}).get("conditions", ()):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            problem = _unschedulable(str(condition.get("message", "")))
            return JobStatus(State.PENDING, str(problem))
    waiting = _state(pod, "waiting")
    reason, message = str(waiting.get("reason", "")), str(waiting.get("message", ""))
    if reason in ("ErrImagePull", "ImagePullBackOff"):
        image = pod["spec"]["containers"][0]["image"]
        why = next((text for text in _messages(own, "Failed") if _HOPELESS_PULL.search(text)), message)
        hopeless = _HOPELESS_PULL.search(why)
        problem = Problem(f"the image {image} cannot be pulled: {_without_image(why, image)}", mend=_PULL)
        return JobStatus(State.FAILED if hopeless else State.PENDING, str(problem))
    if reason in ("InvalidImageName", "ErrImageNeverPull"):
        return JobStatus(State.FAILED, str(Problem(message, mend="Check image= and image_pull_policy=")))
    if reason in ("CreateContainerConfigError", "CreateContainerError"):
        problem = Problem(f"the container cannot be made: {message}", mend=_setting_mend(message))
        hopeless = _HOPELESS_SETTING.search(message)
        return JobStatus(State.FAILED if hopeless else State.PENDING, str(problem))
    mounts = next(iter(_messages(own, "FailedMount", "FailedAttachVolume")), "")
    return JobStatus(State.PENDING, f"a volume cannot be mounted: {mounts}" if mounts else "")


def _unschedulable(message: str) -> Problem:
    what = f"no node takes the pod: {message.rstrip('.')}"
    if "Insufficient" in message:
        return Problem(what, mend="Ask for less in resources=, or add nodes; it starts once there is room")
    if "persistentvolumeclaim" in message:
        return Problem(what, mend="Check the claims in mounts=")
    if "taint" in message:
        return Problem(what, mend="Name the taint in tolerations=")
    if "selector" in message:
        return Problem(what, mend="Check node_selector=: kubectl get nodes --show-labels")
    return Problem(what)


def _setting_mend(message: str) -> str:
    if "root" in message or "non-numeric" in message:
        return "Let the image name a numeric USER other than 0, or set run_as_user="
    return "Check env_from="


def _refused_pod(events: Sequence[Body]) -> Problem | None:
    """Return why the cluster refuses to make the pod."""
    said = next(iter(_messages(events, "FailedCreate")), "").removeprefix("Error creating: ")
    if not said:
        return None
    mend = ""
    if "quota" in said:
        mend = "Free what the quota counts, ask for less in resources=, or have it raised"
    elif "service account" in said:
        mend = "Check service_account="
    return Problem(f"the cluster refuses the pod: {said}", mend=mend)


def _messages(events: Sequence[Body], *reasons: str) -> Iterator[str]:
    """Give the messages of events for these reasons, newest first."""
    found = [event for event in events if event.get("reason") in reasons]
    for event in sorted(found, key=_when, reverse=True):
        yield str(event.get("message", ""))


def _last_warning(events: Sequence[Body]) -> str:
    found = [event for event in events if event.get("type") == "Warning" and event.get("reason") != "DeadlineExceeded"]
    return str(max(found, key=_when).get("message", "")) if found else ""


def _when(event: Body) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or event.get("firstTimestamp") or "")


def _without_image(text: str, image: str) -> str:
    return re.sub(rf'^(Failed to pull|Back-off pulling) image "{re.escape(image)}":? ?', "", text) or "it backs off"


def _phase(pod: Body) -> str:
    return str(pod.get("status", {}).get("phase", ""))


def _conditions(body: Body) -> list[Body]:
    """Return the conditions that hold."""
    return [each for each in body.get("status", {}).get("conditions") or () if each["status"] == "True"]


def _state(pod: Body, name: str) -> Body:
    """Return one of the states of the pod's container: `waiting`, `running` or `terminated`; empty where it is not."""
    for status in pod.get("status", {}).get("containerStatuses") or ():
        if status["name"] == CONTAINER:
            found: Body = (status.get("state") or {}).get(name) or {}
            return found
    return {}
