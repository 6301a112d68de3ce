"""Every call of the APIs fails in turn: no second machine is made, and nothing stays that is not found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from gcp_jobs import Make, begin, job
from google_double import Fault, GoogleDouble
from google_double.compute import Compute
from google_double.secret_manager import SecretManager

from zenml.artifacts.store import ArtifactStore
from zenml.errors import ZenMLError
from zenml.metadata.records import State
from zenml.testing.late_answers import let_time_fly
from zenml_gcp.vm.backend import OrchestratorGCPBackend

PASSING = ("429", "500", "503", "cut-before", "cut-after")
WAYS = (*PASSING, "late")

Backend = OrchestratorGCPBackend


def submit(backend: Backend, run_id: str, _: ArtifactStore) -> None:
    begin(backend, job(run_id=run_id, secrets=("KEY",)), KEY="x")


ACTS: dict[str, Callable[[Backend, str, ArtifactStore], object]] = {
    "submit": submit,
    "status": Backend.status,
    "list": lambda backend, _, __: backend.list_runs(),
    "logs": lambda backend, run_id, _: list(backend.logs(run_id, follow=False)),
    "cancel": Backend.cancel,
    "clean up": lambda backend, run_id, _: backend.clean_up(run_id),
    "check": lambda backend, _, __: backend.check_access(),
}


@pytest.fixture
def still(compute: Compute) -> Compute:
    """The double's Compute Engine, whose machines do nothing."""
    compute.boots = False
    return compute


@contextmanager
def prepared(backend: Backend, act: str, store: ArtifactStore) -> Iterator[str]:
    """Give a run to act on, and remove what is there of it at the end."""
    run_id = job().run_id
    if act != "submit":
        submit(backend, run_id, store)
    yield run_id
    backend.clean_up(run_id)
    assert backend.list_runs() == []


def calls_of(google: GoogleDouble, backend: Backend, act: str, store: ArtifactStore) -> int:
    """Return how many calls something makes."""
    with prepared(backend, act, store) as run_id:
        google.calls.clear()
        ACTS[act](backend, run_id, store)
        return len(google.calls)


@pytest.mark.parametrize("act", ACTS)
def test_a_call_that_fails_for_a_moment_is_made_again(
    act: str, google: GoogleDouble, still: Compute, secrets: SecretManager, backend: Make, store: ArtifactStore
) -> None:
    made = backend()
    made.list_runs()  # signed in
    count = calls_of(google, made, act, store)
    assert count > 0
    for number in range(1, count + 1):
        with prepared(made, act, store) as run_id:
            before = len(still.machines)
            google.faults[:] = [Fault(PASSING[number % 5], at=number)]
            ACTS[act](made, run_id, store)
            google.faults.clear()
            assert len(still.machines) - before == (act == "submit")


@pytest.mark.parametrize("act", ACTS)
def test_every_call_may_fail_once_in_any_way(
    act: str,
    google: GoogleDouble,
    still: Compute,
    secrets: SecretManager,
    backend: Make,
    store: ArtifactStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    let_time_fly(monkeypatch)
    made = backend()
    made.list_runs()
    for how in WAYS:
        with prepared(made, act, store) as run_id:
            before = len(still.machines)
            google.faults[:] = [fault := Fault(how), *(Fault(how, at=at) for at in range(3, 200, 2))]
            ACTS[act](made, run_id, store)
            google.faults.clear()
            assert fault.seen >= 2
            assert len(still.machines) - before == (act == "submit")


@pytest.mark.parametrize(("act", "how"), [("submit", "403"), ("submit", "cut-after"), ("clean up", "503")])
def test_a_call_that_fails_for_good_is_told_and_what_was_made_is_found(
    act: str, how: str, google: GoogleDouble, still: Compute, backend: Make, store: ArtifactStore
) -> None:
    made = backend()
    made.list_runs()
    for number in range(1, calls_of(google, made, act, store) + 1):
        with prepared(made, act, store) as run_id:
            google.faults[:] = [Fault(how, at=number, times=1000)]
            with pytest.raises(ZenMLError, match=r"refused|cannot do that now|does not answer|missing"):
                ACTS[act](made, run_id, store)
            google.faults.clear()
            left = {row.run_id for row in made.list_runs()}
            assert left <= {run_id}
            assert bool(left) == bool(still.names() or google.service(SecretManager).secrets)


def test_a_service_that_asks_to_wait_is_given_the_time(
    google: GoogleDouble, still: Compute, monkeypatch: pytest.MonkeyPatch, backend: Make
) -> None:
    from zenml_gcp.google_api import connect

    made, waited = backend(), list[float]()
    monkeypatch.setattr(connect(google.url), "_sleep", waited.append)
    google.faults.append(Fault("429", times=2, method="aggregatedList", retry_after=7))
    assert made.list_runs() == []
    assert waited == [7.0, 7.0]


def test_a_machine_ends_although_its_own_calls_fail(
    google: GoogleDouble, compute: Compute, secrets: SecretManager, backend: Make
) -> None:
    hows = ("503", "cut-before", "429", "cut-after")
    google.faults += [
        Fault(how, at=1 + number, method=method, account="1234-compute@")
        for method in ("versions.access", "instances.delete")
        for number, how in enumerate(hows)
    ]
    begin(backend(), job(secrets=("KEY",)), KEY="x")
    google.wait_for(lambda: compute.names() == [])
    assert "done" in compute.machines[0].container_output()
    assert secrets.secrets == {}


@pytest.mark.parametrize("when", ["at once", "after a while"])
def test_a_machine_that_is_preempted_at_any_stage_goes_on(
    when: str, google: GoogleDouble, compute: Compute, backend: Make, store: ArtifactStore
) -> None:
    made = backend(preemptible=True)
    run_id = begin(made, job("import time\ntime.sleep(0.2)\nprint('whole')", secrets=("KEY",)), KEY="x")
    name = f"zenml-{run_id}"
    if when == "after a while":
        google.wait_for(lambda: "secretmanager.projects.secrets.versions.access" in google.methods())
    if compute.instance(name):
        compute.preempt(name)
    google.wait_for(lambda: made.status(run_id, store).state is not State.RUNNING)
    google.wait_for(lambda: compute.names() == [])
    assert "whole" in compute.machine(name).container_output()
