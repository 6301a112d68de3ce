from __future__ import annotations

from typing import Any

import pytest

from zenml.metadata.records import State
from zenml_k8s.explain import status_of

Body = dict[str, Any]

IMAGE = "registry.example.com/team/pipelines:1"


def job(condition: str = "", **fields: Any) -> Body:
    reason, spec = fields.pop("reason", ""), fields.pop("spec", {})
    conditions = [{"type": condition, "status": "True", "reason": reason, "message": "said"}] if condition else []
    containers = [{"name": "zenml", "image": IMAGE, **fields}]
    status = {"conditions": conditions}
    return {
        "metadata": {"uid": "j"},
        "spec": {"template": {"spec": {"containers": containers}}, **spec},
        "status": status,
    }


def pod(phase: str, conditions: list[Body] | None = None, **state: Body) -> Body:
    statuses = [{"name": "zenml", "state": state}] if state else []
    status = {"phase": phase, "containerStatuses": statuses, "conditions": conditions or []}
    spec = {"containers": [{"name": "zenml", "image": IMAGE}]}
    return {"metadata": {"uid": "p", "creationTimestamp": "1"}, "spec": spec, "status": status}


def event(reason: str, message: str, uid: str = "p", when: str = "1", kind: str = "Warning") -> Body:
    return {
        "reason": reason,
        "message": message,
        "involvedObject": {"uid": uid},
        "lastTimestamp": when,
        "type": kind,
    }


FAILED = {
    "exit code": (pod("Failed", terminated={"exitCode": 1, "reason": "Error"}), "the container ended with exit code 1"),
    "last words": (
        pod("Failed", terminated={"exitCode": 1, "reason": "Error", "message": "Traceback …\nValueError: no\n"}),
        "the container ended with exit code 1: ValueError: no",
    ),
    "killed": (pod("Failed", terminated={"exitCode": 137, "reason": "Error"}), "the container was killed (SIGKILL)"),
    "no python": (
        pod("Failed", terminated={"exitCode": 128, "reason": "StartError", "message": 'exec: "python": not found'}),
        'the container cannot be started: exec: "python": not found. The image needs python on its PATH',
    ),
    "disk": (
        {**pod("Failed"), "status": {"phase": "Failed", "reason": "Evicted", "message": "low on ephemeral-storage. "}},
        "the pod was evicted: low on ephemeral-storage. Ask for what it needs: ",
    ),
    "node": (
        {**pod("Failed"), "status": {"phase": "Failed", "message": "Pod was rejected: Node is shutting down"}},
        "Pod was rejected: Node is shutting down",
    ),
    "nothing": (pod("Failed"), "the pod failed"),
}


@pytest.mark.parametrize("case", FAILED)
def test_a_failed_job_says_how_its_pod_ended(case: str) -> None:
    body, text = FAILED[case]
    status = status_of(job("Failed", reason="BackoffLimitExceeded"), [body], [])
    assert status.state is State.FAILED
    assert status.reason.startswith(text)


def test_a_failed_job_without_pods_says_what_its_condition_says() -> None:
    assert status_of(job("Failed", reason="Other"), [], []).reason == "said"


def test_a_preempted_pod_is_told_while_another_is_awaited() -> None:
    disrupted = {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler", "message": "room"}
    status = status_of(job(), [pod("Failed", [disrupted], terminated={"exitCode": 75})], [])
    assert (status.state, status.reason) == (
        State.PENDING,
        "it starts again: the pod was preempted (PreemptionByScheduler): room",
    )


PULLS = {
    "told by the pod": (
        {"reason": "ErrImagePull", "message": "manifest unknown"},
        [],
        State.FAILED,
        "manifest unknown",
    ),
    "told by an older event": (
        {"reason": "ImagePullBackOff", "message": f'Back-off pulling image "{IMAGE}"'},
        [
            event("Failed", f'Failed to pull image "{IMAGE}": denied', when="1"),
            event("Failed", "Error: ImagePullBackOff", when="2"),
        ],
        State.FAILED,
        "denied",
    ),
    "told by another's event": (
        {"reason": "ImagePullBackOff", "message": f'Back-off pulling image "{IMAGE}"'},
        [event("Failed", "not found", uid="another")],
        State.PENDING,
        "it backs off",
    ),
    "may pass": (
        {"reason": "ErrImagePull", "message": "connection reset by peer"},
        [],
        State.PENDING,
        "connection reset by peer",
    ),
}


@pytest.mark.parametrize("case", PULLS)
def test_an_image_that_cannot_be_pulled_fails_only_what_cannot_mend_itself(case: str) -> None:
    waiting, events, state, why = PULLS[case]
    status = status_of(job(), [pod("Pending", waiting=waiting)], events)
    assert status.state is state
    assert status.reason.startswith(f"the image {IMAGE} cannot be pulled: {why}. Check image=")


@pytest.mark.parametrize(
    ("reason", "message", "state"),
    [
        ("InvalidImageName", "couldn't parse image name", State.FAILED),
        ("CreateContainerConfigError", 'secret "x" not found', State.FAILED),
        ("CreateContainerConfigError", "container has runAsNonRoot and image will run as root", State.FAILED),
        ("CreateContainerConfigError", "failed to sync secret cache: timed out", State.PENDING),
        ("ContainerCreating", "", State.PENDING),
    ],
)
def test_a_container_that_waits_says_why(reason: str, message: str, state: State) -> None:
    status = status_of(job(), [pod("Pending", waiting={"reason": reason, "message": message})], [])
    assert status.state is state
    assert message in status.reason


def test_a_volume_that_cannot_be_mounted_is_told() -> None:
    waiting = pod("Pending", waiting={"reason": "ContainerCreating"})
    status = status_of(job(), [waiting], [event("FailedMount", 'MountVolume.SetUp failed for volume "claim-0"')])
    assert status.reason == 'a volume cannot be mounted: MountVolume.SetUp failed for volume "claim-0"'


@pytest.mark.parametrize(
    ("message", "state", "mend"),
    [
        ("exceeded quota: q, requested: pods=1", State.PENDING, "Free what the quota counts"),
        ('violates PodSecurity "restricted:latest": runAsNonRoot', State.FAILED, ""),
        ("error looking up service account ml/x", State.FAILED, "Check service_account="),
        ("failed quota: q: must specify limits.memory", State.FAILED, "ask for less in resources="),
    ],
)
def test_a_pod_that_the_cluster_refuses_is_told(message: str, state: State, mend: str) -> None:
    status = status_of(job(), [], [event("FailedCreate", f'Error creating: pods "x" is forbidden: {message}', "j")])
    assert status.state is state
    assert message in status.reason
    assert mend in status.reason


def test_how_a_run_stands_otherwise() -> None:
    running = pod("Running", running={"startedAt": "1"})
    assert status_of(job("Complete"), [], []).state is State.COMPLETE
    assert status_of(job(), [running], []).state is State.RUNNING
    assert status_of(job(), [], []).state is State.PENDING
    assert "suspended" in status_of(job(spec={"suspend": True}), [], []).reason
    assert status_of(None, [running], []).state is State.RUNNING
    assert status_of(None, [pod("Failed")], []).state is State.LOST


def test_the_deadline_of_what_ran_is_told_without_a_guess() -> None:
    late = job("Failed", reason="DeadlineExceeded", spec={"activeDeadlineSeconds": 60})
    events = [event("Started", "", kind="Normal"), event("BackOff", "a warning of before")]
    assert "never began" not in status_of(late, [], events).reason
    assert "never began: a warning of before" in status_of(late, [], events[1:]).reason
