"""How a run stands on a cluster is told in words, within seconds, with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from kube_double import KubeDouble
from kube_double.container import keeps_root_read_only
from kube_jobs import SLEEP, Make, Watcher, begin, job, leaving_nothing

from zenml.artifacts.store import ArtifactStore
from zenml.metadata.records import State


@pytest.fixture
def watch(kube: KubeDouble, backend: Make, store: ArtifactStore) -> Watcher:
    return Watcher(kube, backend(), store)


def test_a_job_runs_to_its_end_with_its_secrets(kube: KubeDouble, backend: Make, watch: Watcher) -> None:
    program = "import os; print(os.environ['TOKEN'] == 'hidden', os.environ['PLAIN'])"
    run_id = begin(backend(), job(program, environment={"PLAIN": "$(HOME)"}, secrets=("TOKEN",)), TOKEN="hidden")
    assert watch.end(run_id).state is State.COMPLETE
    assert list(backend().logs(run_id, follow=True)) == ["True $(HOME)"]
    (secret,) = kube.all("secrets")
    assert secret["metadata"]["ownerReferences"][0]["uid"] == kube.all("jobs")[0]["metadata"]["uid"]
    assert secret["metadata"]["labels"]["zenml-run"] == run_id
    with leaving_nothing(kube):
        backend().clean_up(run_id)
        backend().clean_up(run_id)
    assert watch.now(run_id).state is State.LOST


def test_the_ended_job_takes_its_secret_with_it(kube: KubeDouble, backend: Make, watch: Watcher) -> None:
    run_id = begin(backend(ttl_seconds_after_finished=60), job(secrets=("TOKEN",)), TOKEN="hidden")
    watch.end(run_id)
    with leaving_nothing(kube):
        kube.pass_time(61)


@pytest.mark.parametrize("code", [1, 3])
def test_a_failed_pipeline_is_not_tried_again(code: int, kube: KubeDouble, backend: Make, watch: Watcher) -> None:
    run_id = begin(backend(backoff_limit=3), job(f"raise SystemExit({code})"))
    status = watch.end(run_id)
    assert (status.state, f"exit code {code}" in status.reason) == (State.FAILED, True)
    assert len(kube.all("pods")) == 1


def test_the_job_writes_to_its_scratch_folder_only(backend: Make, watch: Watcher, tmp_path: Path) -> None:
    if not keeps_root_read_only():
        pytest.skip("this machine lets no file system be read-only")
    program = (
        "import os, pathlib, tempfile\n"
        "tempfile.mkdtemp(); pathlib.Path.home().joinpath('x').touch(); pathlib.Path('y').touch()\n"
        f"pathlib.Path({str(tmp_path / 'z')!r}).touch()"
    )
    run_id = begin(backend(), job(program))
    assert watch.end(run_id).state is State.FAILED
    assert "Read-only file system" in list(backend().logs(run_id, follow=False))[-1]


GRACEFUL = (
    "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(75))\n"
    "print('ready', flush=True)\ntime.sleep(600)"
)


def test_a_preempted_pod_is_started_again(kube: KubeDouble, backend: Make, watch: Watcher) -> None:
    run_id = begin(backend(), job(GRACEFUL))
    for _ in range(2):
        pod = kube.running_pod()
        kube.wait_for(lambda: list(backend().logs(run_id, follow=False)) == ["ready"])
        kube.preempt(pod)
        kube.wait_for(lambda pod=pod: kube.ended(pod))
    kube.running_pod()
    assert watch.now(run_id).state is State.RUNNING


def test_an_evicted_pod_is_started_again_even_when_it_was_killed(
    kube: KubeDouble, backend: Make, watch: Watcher
) -> None:
    run_id = begin(backend(), job(SLEEP))
    pod = kube.running_pod()
    kube.node.unschedulable = "1 node(s) had untolerated taint {node.kubernetes.io/memory-pressure: }"
    kube.node.press(pod)
    assert watch.told(run_id, "no node takes the pod").state is State.PENDING
    assert kube.ended(pod)
    kube.node.unschedulable = ""
    assert kube.running_pod()["metadata"]["uid"] != pod["metadata"]["uid"]


def test_out_of_memory_is_said_as_such(kube: KubeDouble, backend: Make, watch: Watcher) -> None:
    run_id = begin(backend(resources={"limits": {"memory": "64Mi"}}), job(SLEEP))
    kube.node.out_of_memory(kube.running_pod())
    status = watch.end(run_id)
    assert status.state is State.FAILED
    assert status.reason == (
        "out of memory: the container used more than its limit of 64Mi. Raise it: resources={'limits': {'memory': …}}"
    )


def test_a_pod_out_of_memory_is_tried_again_where_that_is_asked_for(
    kube: KubeDouble, backend: Make, watch: Watcher
) -> None:
    run_id = begin(backend(backoff_limit=1), job(SLEEP))
    first = kube.running_pod()
    kube.node.out_of_memory(first)
    kube.wait_for(lambda: kube.ended(first))
    kube.node.out_of_memory(kube.running_pod())
    assert "out of memory: the node had none left" in watch.end(run_id).reason
    assert len(kube.all("pods")) == 2


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("failed to resolve reference: registry.example.com/none:1: not found", State.FAILED),
        ("pull access denied, repository does not exist or may require authorization", State.FAILED),
        ("dial tcp: i/o timeout", State.PENDING),
    ],
)
def test_an_image_that_cannot_be_pulled_is_told(
    said: str, state: State, kube: KubeDouble, backend: Make, watch: Watcher
) -> None:
    image = "registry.example.com/none:1"
    kube.node.pull_errors[image] = said
    run_id = begin(backend(image=image), job())
    status = watch.told(run_id, "cannot be pulled")
    assert status.state is state
    assert f"the image {image} cannot be pulled: {said}" in status.reason
    kube.wait_for(lambda: any(event["reason"] == "BackOff" for event in kube.all("events")))
    assert watch.now(run_id).state is state


def test_an_image_that_is_mended_is_pulled(kube: KubeDouble, backend: Make, watch: Watcher) -> None:
    kube.node.pull_errors["image:1"] = "i/o timeout"
    run_id = begin(backend(image="image:1"), job())
    watch.told(run_id, "i/o timeout")
    kube.node.pull_errors.clear()
    assert watch.end(run_id).state is State.COMPLETE


def test_other_troubles_with_the_image_are_told(kube: KubeDouble, backend: Make, watch: Watcher) -> None:
    absent = begin(backend(image_pull_policy="Never"), job())
    assert "is not present with pull policy of Never" in watch.end(absent).reason
    kube.node.root_images.add("rooted:1")
    rooted = begin(backend(image="rooted:1"), job())
    assert "set run_as_user=" in watch.end(rooted).reason
    other = begin(backend(image="rooted:1", run_as_user=1000), job())
    assert watch.end(other).state is State.COMPLETE


def test_variables_that_are_not_there_are_told(backend: Make, watch: Watcher) -> None:
    run_id = begin(backend(env_from=[{"secretRef": {"name": "absent"}}]), job())
    status = watch.end(run_id)
    assert status.reason == 'the container cannot be made: secret "absent" not found. Check env_from='


def test_variables_of_the_users_own_are_there(kube: KubeDouble, backend: Make, watch: Watcher) -> None:
    kube.add("secrets", "ml", "mine", data={"MINE": "aGVyZQ=="})
    kube.add("configmaps", "ml", "ours", data={"OURS": "too"})
    sources = [{"secretRef": {"name": "mine"}}, {"prefix": "X_", "configMapRef": {"name": "ours"}}]
    run_id = begin(backend(env_from=sources), job("import os; print(os.environ['MINE'], os.environ['X_OURS'])"))
    assert watch.end(run_id).state is State.COMPLETE
    assert list(backend().logs(run_id, follow=False)) == ["here too"]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"resources": {"limits": {"nvidia.com/gpu": 1}}}, "Insufficient nvidia.com/gpu. Ask for less"),
        ({"node_selector": {"pool": "none"}}, "Check node_selector="),
        ({"mounts": {"/data": "absent"}}, 'persistentvolumeclaim "absent" not found. Check the claims in mounts='),
    ],
)
def test_a_pod_that_no_node_takes_is_told(options: dict[str, object], text: str, backend: Make, watch: Watcher) -> None:
    run_id = begin(backend(**options), job())
    assert watch.told(run_id, text).state is State.PENDING


def test_a_taint_is_told_and_can_be_tolerated(kube: KubeDouble, backend: Make, watch: Watcher) -> None:
    kube.node.taints.append({"key": "spot", "value": "true", "effect": "NoSchedule"})
    run_id = begin(backend(), job())
    assert watch.told(run_id, "Name the taint in tolerations=").state is State.PENDING
    other = begin(backend(tolerations=[{"key": "spot", "operator": "Exists", "effect": "NoSchedule"}]), job())
    assert watch.end(other).state is State.COMPLETE


def test_a_deadline_says_also_why_nothing_began(kube: KubeDouble, backend: Make, watch: Watcher) -> None:
    kube.node.unschedulable = "1 Too many pods"
    waiting = begin(backend(grace_seconds=10), job(deadline_seconds=500))
    watch.told(waiting, "Too many pods")
    kube.pass_time(505)
    assert watch.now(waiting).state is State.PENDING
    kube.pass_time(6)
    status = watch.end(waiting)
    assert "longer than its deadline of 510 seconds, and never began: " in status.reason
    assert "Too many pods" in status.reason
    kube.node.unschedulable = ""
    running = begin(backend(), job(SLEEP, deadline_seconds=500))
    kube.running_pod()
    kube.pass_time(561)
    assert watch.end(running).reason.startswith("the Job took longer than its deadline of 560 seconds.")


def test_a_quota_that_refuses_the_pod_is_told_until_there_is_room(
    kube: KubeDouble, backend: Make, watch: Watcher
) -> None:
    first = begin(backend(), job(SLEEP))
    kube.running_pod()
    kube.set_quota("ml", {"pods": "1"})
    second = begin(backend(), job())
    assert watch.told(second, "exceeded quota").state is State.PENDING
    backend().clean_up(first)
    assert watch.end(second).state is State.COMPLETE


def test_a_service_account_that_is_not_there_is_told(backend: Make, watch: Watcher) -> None:
    run_id = begin(backend(service_account="absent"), job())
    assert "Check service_account=" in watch.end(run_id).reason


def test_a_job_that_somebody_deleted_is_lost(kube: KubeDouble, backend: Make, watch: Watcher) -> None:
    run_id = begin(backend(), job(SLEEP))
    kube.running_pod()
    backend().clean_up(run_id)
    status = watch.end(run_id)
    assert (status.state, "somebody deleted it" in status.reason) == (State.LOST, True)


def test_a_canceled_job_ends_with_grace(kube: KubeDouble, backend: Make, store: ArtifactStore) -> None:
    program = (
        "import signal, sys, time\n"
        "def end(*_):\n    print('ending', flush=True)\n    sys.exit(3)\n"
        "signal.signal(signal.SIGTERM, end)\nprint('ready', flush=True)\ntime.sleep(600)"
    )
    run_id = begin(backend(), job(program, secrets=("TOKEN",)), TOKEN="hidden")
    pod = kube.running_pod()
    lines = backend().logs(run_id, follow=True)
    assert next(lines) == "ready"
    with leaving_nothing(kube):
        backend().cancel(run_id, store)
    backend().cancel(run_id, store)
    assert list(lines) == ["ending"]
    assert pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 3


def test_a_run_that_goes_on_gets_a_new_job_and_a_doubled_call_does_not(
    kube: KubeDouble, backend: Make, watch: Watcher
) -> None:
    made = job("raise SystemExit(1)", secrets=("TOKEN",))
    begin(backend(), made, TOKEN="one")
    watch.end(made.run_id)
    (before,) = kube.all("jobs")
    resumed = job(SLEEP, run_id=made.run_id, secrets=("TOKEN",))
    begin(backend(), resumed, TOKEN="two")
    kube.running_pod()
    begin(backend(), resumed, TOKEN="two")
    (after,) = kube.all("jobs")
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    (secret,) = kube.all("secrets")
    assert secret["data"] == {"TOKEN": "dHdv"}
    assert [owner["uid"] for owner in secret["metadata"]["ownerReferences"]] == [after["metadata"]["uid"]]
    assert watch.now(made.run_id).state is State.RUNNING


def test_a_run_that_goes_on_while_its_canceled_job_still_ends_waits_for_that(
    kube: KubeDouble, backend: Make, watch: Watcher, store: ArtifactStore
) -> None:
    made = job(f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{SLEEP}")
    begin(backend(grace_seconds=1), made)
    first = kube.running_pod()
    kube.wait_for(lambda: list(backend().logs(made.run_id, follow=False)) == ["begun"])
    backend().cancel(made.run_id, store)
    begin(backend(), job(run_id=made.run_id))
    assert kube.ended(first)
    assert watch.end(made.run_id).state is State.COMPLETE
    assert list(backend().logs(made.run_id, follow=False)) == ["done"]


def test_without_a_look_at_events_less_is_told(kube: KubeDouble, backend: Make, watch: Watcher) -> None:
    kube.api.denied.add(("list", "events"))
    kube.node.pull_errors["none:1"] = "manifest unknown"
    run_id = begin(backend(image="none:1"), job())
    kube.wait_for(lambda: any(event["reason"] == "BackOff" for event in kube.all("events")))
    assert watch.told(run_id, "the image none:1 cannot be pulled").state is State.PENDING


def test_a_name_that_another_job_has_is_told(kube: KubeDouble, backend: Make) -> None:
    made = job()
    kube.add("jobs", "ml", f"zenml-{made.run_id}", spec={"suspend": True}, status={})
    with pytest.raises(Exception, match=r"not of this run.*job_prefix"):
        begin(backend(), made)


def test_runs_are_listed_half_made_ones_too(kube: KubeDouble, backend: Make, watch: Watcher) -> None:
    running = begin(backend(), job(SLEEP, secrets=("TOKEN",)), TOKEN="hidden")
    ended = begin(backend(), job())
    kube.node.pull_errors["none:1"] = "not found"
    hopeless = begin(backend(image="none:1"), job())
    watch.end(hopeless)
    half = job(secrets=("TOKEN",))
    backend().deliver_secrets(half, {"TOKEN": "hidden"})
    kube.running_pod()
    watch.end(ended)
    found = {run.run_id: run for run in backend().list_runs()}
    assert {run_id: str(run.state) for run_id, run in found.items()} == {
        running: "RUNNING",
        ended: "COMPLETE",
        hopeless: "FAILED",
        half.run_id: "LOST",
    }
    assert found[running].resources == (f"Job/zenml-{running}", f"Secret/zenml-{running}")
    assert {run.pipeline for run in found.values()} == {"tried"}
    with leaving_nothing(kube):
        for run_id in found:
            backend().clean_up(run_id)
    assert backend().list_runs() == []
