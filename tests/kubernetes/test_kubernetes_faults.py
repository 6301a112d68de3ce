"""The API fails at every call in turn, in every way: what was asked for is done once, or told and left clean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from kube_double import Fault, KubeDouble
from kube_jobs import SLEEP, Make, Watcher, begin, job, leaving_nothing

from zenml.artifacts.store import ArtifactStore
from zenml.errors import ZenMLError
from zenml.metadata.records import State
from zenml_k8s import cluster as cluster_module
from zenml_k8s import log_stream
from zenml_k8s.backend import OrchestratorKubernetesBackend
from zenml_k8s.cluster import Cluster, connect
from zenml_k8s.trouble import RefusedError, UnreachableError

Act = Callable[[OrchestratorKubernetesBackend, str, ArtifactStore], object]

ACTS: dict[str, Act] = {
    "check": lambda backend, _, __: backend.check_access(),
    "status": lambda backend, run_id, store: backend.status(run_id, store),
    "logs": lambda backend, run_id, _: list(backend.logs(run_id, follow=False)),
    "list": lambda backend, _, __: backend.list_runs(),
    "cancel": lambda backend, run_id, store: backend.cancel(run_id, store),
    "clean up": lambda backend, run_id, _: backend.clean_up(run_id),
}
PASSING = ("429", "500", "503", "cut-before", "cut-after")


def calls_of(kube: KubeDouble, act: Callable[[], object]) -> int:
    """Return how many calls something makes."""
    before = len(kube.calls)
    act()
    return len(kube.calls) - before


@pytest.mark.parametrize("how", PASSING)
def test_a_submission_makes_one_job_whichever_call_fails(
    how: str, kube: KubeDouble, backend: Make, store: ArtifactStore
) -> None:
    watch = Watcher(kube, backend(), store)
    first = job(secrets=("TOKEN",))
    for number in range(1, 1 + calls_of(kube, lambda: begin(backend(), first, TOKEN="hidden"))):
        kube.faults[:] = [fault := Fault(how, at=number)]
        run_id = begin(backend(), job("import os; print(os.environ['TOKEN'])", secrets=("TOKEN",)), TOKEN="hidden")
        assert fault.seen >= number
        kube.faults.clear()
        assert watch.end(run_id).state is State.COMPLETE
        assert list(backend().logs(run_id, follow=True)) == ["hidden"]
        (secret,) = (each for each in kube.all("secrets") if each["metadata"]["labels"]["zenml-run"] == run_id)
        assert secret["metadata"]["ownerReferences"]
    with leaving_nothing(kube):
        for run in backend().list_runs():
            backend().clean_up(run.run_id)


def test_a_submission_that_fails_for_good_is_found_by_its_label(kube: KubeDouble, backend: Make) -> None:
    for number in range(1, 5):
        made = job(secrets=("TOKEN",))
        kube.faults[:] = [Fault("cut-after", at=number, times=99)]
        with pytest.raises(UnreachableError, match="the cluster does not answer"):
            begin(backend(), made, TOKEN="hidden")
        kube.faults.clear()
        there = {each["metadata"]["labels"]["zenml-run"] for kind in ("jobs", "secrets") for each in kube.all(kind)}
        assert {run.run_id for run in backend().list_runs()} == there
        with leaving_nothing(kube):
            backend().clean_up(made.run_id)


@pytest.mark.parametrize("name", ACTS)
def test_every_call_is_tried_again(name: str, kube: KubeDouble, backend: Make, store: ArtifactStore) -> None:
    run_id = begin(backend(), job(SLEEP, secrets=("TOKEN",)), TOKEN="hidden")
    kube.running_pod()
    count = calls_of(kube, lambda: ACTS[name](backend(), run_id, store))
    assert count
    for number in range(1, count + 1):
        for how in PASSING if count < 6 else ("503",):
            kube.faults[:] = [Fault(how, at=number)]
            ACTS[name](backend(), run_id, store)


def test_a_cluster_that_does_not_answer_for_a_while_ends_no_run(
    kube: KubeDouble, backend: Make, store: ArtifactStore
) -> None:
    watch = Watcher(kube, backend(), store)
    run_id = begin(backend(), job())
    for how, text in (("503", "the cluster cannot do that now"), ("cut-before", "the cluster does not answer")):
        kube.faults[:] = [Fault(how, times=999)]
        assert watch.told(run_id, text).state is State.PENDING
    kube.faults.clear()
    assert watch.end(run_id).state is State.COMPLETE
    kube.api.denied.add(("get", "jobs"))
    with pytest.raises(RefusedError, match="Ask for a Role"):
        watch.now(run_id)


@pytest.mark.parametrize("name", sorted({*ACTS} - {"status"}))
def test_what_never_gets_better_is_told(name: str, kube: KubeDouble, backend: Make, store: ArtifactStore) -> None:
    run_id = begin(backend(), job(SLEEP))
    kube.running_pod()
    kube.faults.append(Fault("500", times=999))
    with pytest.raises(ZenMLError, match=r"the cluster cannot do that now.*Run again later"):
        ACTS[name](backend(), run_id, store)


def test_an_answer_that_never_comes_is_given_up(
    kube: KubeDouble, backend: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_module, "SECONDS", (3.0, 3.0))
    kube.faults.append(fault := Fault("time-out", method="GET"))
    assert backend().list_runs() == []
    assert fault.seen > 1


def test_a_busy_server_is_given_the_time_that_it_asks_for(kube: KubeDouble, backend: Make) -> None:
    waited: list[float] = []
    found: Any = connect(backend().kubernetes_config_path, None, "ml")
    patient = Cluster(found._client, "ml", waited.append)
    kube.faults[:] = [Fault("429", times=2, retry_after=7), Fault("429", at=3, retry_after=7000)]
    assert patient.list("jobs") == []
    assert waited == [7, 7, 60]


def test_a_refusal_is_not_tried_again(kube: KubeDouble, backend: Make) -> None:
    kube.api.denied.add(("create", "jobs"))
    with pytest.raises(RefusedError, match='cannot create resource "jobs"'):
        begin(backend(), job())
    assert [answer for method, _, answer in kube.calls if method == "POST"] == [403]


COUNTING = "import time\nfor n in range(40):\n    print(n, n, flush=True)\n    time.sleep(0.01)\n"


def test_a_followed_log_goes_on_where_its_connection_broke(
    kube: KubeDouble, backend: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    kube.faults[:] = [Fault("cut-before", at=at, method="STREAM") for at in (3, 9, 20, 30)]
    kube.faults.append(Fault("503", method="GET", path="/log"))
    run_id = begin(backend(), job(COUNTING))
    assert list(backend().logs(run_id, follow=True)) == [f"{n} {n}" for n in range(40)]


def test_a_silent_log_is_asked_for_anew(kube: KubeDouble, backend: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "SILENCE", 0.2)
    monkeypatch.setattr(log_stream, "_SOON", 0.0)
    run_id = begin(backend(), job("import time\nprint('one', flush=True)\ntime.sleep(1)\nprint('two')"))
    assert list(backend().logs(run_id, follow=True)) == ["one", "two"]
    assert len([path for _, path, _ in kube.calls if path.endswith("/log")]) > 1


def test_a_log_that_breaks_for_ever_is_given_up(
    kube: KubeDouble, backend: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_stream, "_BREAKS", 3)
    run_id = begin(backend(), job(COUNTING))
    kube.running_pod()
    kube.faults.append(Fault("cut-before", times=999, method="STREAM"))
    with pytest.raises(UnreachableError):
        list(backend().logs(run_id, follow=True))


def test_the_log_of_every_pod_is_told(kube: KubeDouble, backend: Make) -> None:
    program = (
        "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(75))\n"
        "print('begun', flush=True)\ntime.sleep(600)"
    )
    run_id = begin(backend(), job(program))
    lines = backend().logs(run_id, follow=True)
    assert next(lines) == "begun"
    first = kube.running_pod()
    kube.node.press(first)
    assert next(lines) == "begun"
    assert len(kube.all("pods")) == 2
