"""The double refuses what a real API server refuses, and its Jobs, pods and Secrets live and end as real ones do."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from kube_double import Fault, KubeDouble
from kube_jobs import SLEEP

from zenml_k8s.cluster import Cluster, connect
from zenml_k8s.trouble import RefusedError, UnreachableError

Body = dict[str, Any]


@pytest.fixture
def cluster(kube: KubeDouble, backend: Callable[..., Any]) -> Cluster:
    return connect(backend().kubernetes_config_path, None, "default")


def job(program: str = "print('done')", name: str = "tried", **spec: Any) -> Body:
    """Return the least that is a Job; fields of its pod are given with `pod=`, of its container with `container=`."""
    pod, own = spec.pop("pod", {}), spec.pop("container", {})
    container = {"name": "zenml", "image": "image:1", "command": ["python", "-c", program], **own}
    template = {"spec": {"restartPolicy": "Never", "containers": [container], **pod}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {"template": template, **spec}}


def conditions(body: Body) -> dict[str, str]:
    return {each["type"]: each.get("reason", "") for each in body["status"].get("conditions", ())}


def ended(kube: KubeDouble) -> Body:
    """Wait until the one Job has ended, and return it."""
    found: Body = kube.wait_for(
        lambda: next((each for each in kube.all("jobs") if {"Complete", "Failed"} & conditions(each).keys()), None)
    )
    return found


def log(cluster: Cluster, kube: KubeDouble, *, follow: bool = False) -> list[str]:
    (pod,) = kube.all("pods")
    lines = cluster.log(pod["metadata"]["name"], "zenml", "", follow=follow)
    return [line.decode().partition(" ")[2] for line in lines]


REFUSED = {
    "a misspelt field": (job(pod={"nodeSelektor": {}}), 400, 'unknown field "spec.template.spec.nodeSelektor"'),
    "a misspelt field in a list": (job(container={"imgae": ""}), 400, r"containers\[0\].imgae"),
    "a wrong type": (job(backoffLimit="three"), 400, "cannot unmarshal string"),
    "a name in capitals": (job(name="Tried"), 422, "metadata.name"),
    "a name that is too long": (job(name="x" * 64), 422, "at most 63"),
    "no policy to restart": (job(pod={"restartPolicy": "Always"}), 422, "restartPolicy"),
    "a policy on failures that restarts": (
        job(pod={"restartPolicy": "OnFailure"}, podFailurePolicy={"rules": []}),
        422,
        'only "Never"',
    ),
    "exit codes out of order": (
        job(podFailurePolicy={"rules": [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [3, 1]}}]}),
        422,
        "ordered and unique",
    ),
    "no image": (job(container={"image": ""}), 422, r"containers\[0\].image: Required"),
    "a mount without a volume": (
        job(container={"volumeMounts": [{"name": "x", "mountPath": "/x"}]}),
        422,
        'Not found: "x"',
    ),
    "an amount that is none": (job(container={"resources": {"limits": {"memory": "1 GB"}}}), 400, "quantities"),
    "requests over limits": (
        job(container={"resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}}),
        422,
        "less than or equal",
    ),
    "a deadline of nothing": (job(activeDeadlineSeconds=0), 422, "activeDeadlineSeconds"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_refuses(case: str, cluster: Cluster, kube: KubeDouble) -> None:
    body, code, text = REFUSED[case]
    with pytest.raises(RefusedError, match=text) as error:
        cluster.create("jobs", body)
    assert error.value.code == code
    assert not kube.all("jobs")


def test_it_refuses_label_values_and_secrets_that_are_none(cluster: Cluster) -> None:
    labelled = job()
    labelled["metadata"]["labels"] = {"zenml-pipeline": "no spaces"}
    with pytest.raises(RefusedError, match="valid label"):
        cluster.create("jobs", labelled)
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}
    with pytest.raises(RefusedError, match="illegal base64"):
        cluster.create("secrets", {**secret, "data": {"A": "?"}})
    with pytest.raises(RefusedError, match="valid config key"):
        cluster.create("secrets", {**secret, "data": {"A B": ""}})


def test_names_are_taken_or_not_there(cluster: Cluster, kube: KubeDouble, backend: Callable[..., Any]) -> None:
    assert cluster.create("jobs", job()) is not None
    assert cluster.create("jobs", job()) is None
    assert kube.calls[-1][2] == 409
    assert cluster.get("jobs", "other") is None
    elsewhere = connect(backend().kubernetes_config_path, None, "nowhere")
    with pytest.raises(RefusedError, match='namespaces "nowhere" not found'):
        elsewhere.create("jobs", job())


def test_the_template_of_a_job_cannot_be_changed(cluster: Cluster) -> None:
    cluster.create("jobs", job())
    with pytest.raises(RefusedError, match="field is immutable"):
        cluster.merge("jobs", "tried", {"spec": {"template": {"spec": {"priorityClassName": "high"}}}})
    assert cluster.merge("jobs", "tried", {"metadata": {"labels": {"a": "b"}}})


def test_who_may_not_is_told_what(cluster: Cluster, kube: KubeDouble) -> None:
    kube.api.denied.add(("create", "jobs"))
    with pytest.raises(RefusedError, match='User "tester" cannot create resource "jobs" in API group "batch"'):
        cluster.create("jobs", job())
    assert not cluster.may("create", "jobs")
    assert cluster.may("get", "pods", "log")


def test_a_program_gets_its_environment_and_nothing_else(cluster: Cluster, kube: KubeDouble) -> None:
    program = "import os, json; print(json.dumps(dict(os.environ)))"
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"TOKEN": "hidden"}}
    cluster.create("secrets", secret)
    kube.add("configmaps", "default", "c", data={"REGION": "here"})
    env = [
        {"name": "PLAIN", "value": "a $(TOKEN) $$(TOKEN) $(NONE)"},
        {"name": "TAKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "TOKEN"}}},
        {"name": "TMPDIR", "value": "/scratch/x"},
    ]
    sources = [{"secretRef": {"name": "s"}}, {"configMapRef": {"name": "c"}, "prefix": "C_"}]
    mounts = [{"name": "scratch", "mountPath": "/scratch"}]
    container = {"env": env, "envFrom": sources, "volumeMounts": mounts}
    cluster.create("jobs", job(program, container=container, pod={"volumes": [{"name": "scratch", "emptyDir": {}}]}))
    ended(kube)
    found = json.loads(log(cluster, kube)[0])
    assert found.pop("PATH")
    assert found.pop("HOSTNAME").startswith("tried-")
    assert found.pop("TMPDIR").endswith("/scratch/x")
    found.pop("LC_CTYPE", None)  # the interpreter's own
    assert found == {
        "PLAIN": "a hidden $(TOKEN) $(NONE)",
        "TAKEN": "hidden",
        "TOKEN": "hidden",
        "C_REGION": "here",
    }


def test_a_log_is_followed_while_the_program_runs(cluster: Cluster, kube: KubeDouble) -> None:
    cluster.create("jobs", job("for n in range(3): print(n)"))
    kube.wait_for(lambda: any(each["status"].get("containerStatuses") for each in kube.all("pods")))
    assert log(cluster, kube, follow=True) == ["0", "1", "2"]


RULES = [
    {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [1]}},
    {"action": "Ignore", "onExitCodes": {"operator": "In", "values": [75]}},
    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
]


def test_a_failed_pod_is_judged_by_the_policy(cluster: Cluster, kube: KubeDouble) -> None:
    cluster.create("jobs", job("raise SystemExit(1)", backoffLimit=5, podFailurePolicy={"rules": RULES}))
    assert conditions(ended(kube))["Failed"] == "PodFailurePolicy"
    assert len(kube.all("pods")) == 1


def test_a_failed_pod_counts_until_the_limit(cluster: Cluster, kube: KubeDouble) -> None:
    cluster.create("jobs", job("raise SystemExit(2)", backoffLimit=1, podFailurePolicy={"rules": RULES}))
    assert conditions(ended(kube))["Failed"] == "BackoffLimitExceeded"
    assert [each["status"]["phase"] for each in kube.all("pods")] == ["Failed", "Failed"]


def test_a_preempted_pod_is_told_and_followed_by_another(cluster: Cluster, kube: KubeDouble) -> None:
    program = (
        "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(75))\n"
        "print('ready', flush=True)\ntime.sleep(600)"
    )
    cluster.create("jobs", job(program, backoffLimit=0, podFailurePolicy={"rules": RULES}))
    first = kube.running_pod()
    kube.wait_for(lambda: log(cluster, kube) == ["ready"])
    kube.preempt(first)
    kube.wait_for(lambda: kube.ended(first))
    assert first["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 75
    second = kube.running_pod()
    assert second["metadata"]["uid"] != first["metadata"]["uid"]
    assert not conditions(kube.all("jobs")[0])


def test_a_program_that_does_not_end_is_killed_after_its_grace(cluster: Cluster, kube: KubeDouble) -> None:
    program = f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{SLEEP}"
    cluster.create("jobs", job(program, pod={"terminationGracePeriodSeconds": 50}))
    pod = kube.running_pod()
    kube.wait_for(lambda: log(cluster, kube) == ["begun"])
    cluster.delete("jobs", "tried", "Foreground")
    process = kube.node.containers[pod["metadata"]["uid"]]
    kube.wait_for(lambda: process.stopping)
    assert process.process.poll() is None
    assert kube.all("jobs")  # it goes after its pod
    kube.pass_time(60)
    kube.wait_for(lambda: not kube.all("jobs") and not kube.all("pods"))
    assert process.process.poll() == -9


def test_what_a_job_owns_goes_with_it(cluster: Cluster, kube: KubeDouble) -> None:
    made = cluster.create("jobs", job(SLEEP))
    assert made
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "tried", "uid": made["metadata"]["uid"]}
    meta = {"name": "s", "ownerReferences": [owner]}
    cluster.create("secrets", {"apiVersion": "v1", "kind": "Secret", "metadata": meta})
    kube.running_pod()
    cluster.delete("jobs", "tried")
    kube.wait_for(lambda: not any(kube.all(resource) for resource in ("jobs", "pods", "secrets")))


def test_an_ended_job_goes_when_its_time_is_up(cluster: Cluster, kube: KubeDouble) -> None:
    cluster.create("jobs", job(ttlSecondsAfterFinished=300))
    ended(kube)
    assert kube.all("jobs")
    kube.pass_time(301)
    kube.wait_for(lambda: not kube.all("jobs") and not kube.all("pods"))


def test_a_job_ends_at_its_deadline(cluster: Cluster, kube: KubeDouble) -> None:
    cluster.create("jobs", job(SLEEP, activeDeadlineSeconds=500))
    kube.running_pod()
    kube.pass_time(501)
    assert conditions(ended(kube))["Failed"] == "DeadlineExceeded"
    assert not kube.all("pods")


@pytest.mark.parametrize("how", ["429", "500", "503"])
def test_calls_fail_on_purpose(how: str, cluster: Cluster, kube: KubeDouble) -> None:
    kube.faults.append(Fault(how, times=9, path="/jobs"))
    with pytest.raises(RefusedError, match="cannot do that now"):
        cluster.list("jobs")
    assert cluster.list("pods") == []


def test_connections_break_on_purpose(cluster: Cluster, kube: KubeDouble) -> None:
    kube.faults.append(Fault("cut-before", times=9, method="POST"))
    with pytest.raises(UnreachableError):
        cluster.create("jobs", job())
    assert not kube.all("jobs")
    kube.faults[:] = [Fault("cut-after", method="POST")]
    assert cluster.create("jobs", job()) is None  # it was made, and the second try is told so
    assert len(kube.all("jobs")) == 1
