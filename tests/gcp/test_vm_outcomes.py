"""How runs end whose machines fail, are taken away, or never come to be: in words that say what to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from secrets import token_hex
from typing import Any

import pytest
from gcp_jobs import CONNECTION, SLEEP, Make, begin, ended, job
from google_double import Fault, GoogleDouble
from google_double.compute import Compute
from google_double.machine import World
from google_double.secret_manager import SecretManager

from zenml.artifacts.handed_over import environment
from zenml.artifacts.store import ArtifactStore
from zenml.errors import ConfigError
from zenml.metadata.records import State
from zenml.runtime.identifiers import new_run_id
from zenml.runtime.job_folder import JobFolder
from zenml.runtime.remote import JobStatus, RemoteJob, Resource
from zenml.testing.emulators import make_gcs_bucket
from zenml_gcp.artifact_store import GCSArtifactStore

MACHINE = "1234-compute@developer.gserviceaccount.com"

COUNTED = "import os, pathlib, sys\nfile = pathlib.Path({file!r})\nfile.open('a').write('x')\nos._exit({code})"
"""A program that counts how often it runs, and ends."""


@pytest.fixture
def noted(gcs: str) -> ArtifactStore:
    """Return a store in the emulator, where machines leave their notes."""
    name = f"bucket-{token_hex(8)}"
    make_gcs_bucket(gcs, name)
    return GCSArtifactStore(f"gs://{name}/dir", endpoint_url=gcs, anonymous=True)


def job_in(store: ArtifactStore, program: str = "print('done')", **fields: Any) -> RemoteJob:
    """Return a job that is staged in a store."""
    run_id = new_run_id()
    uri = store.uri(JobFolder(store, run_id).key("spec.yaml"))
    return job(program, run_id=run_id, spec_uri=uri, environment=environment(store), **fields)


def begun(google: GoogleDouble, compute: Compute, run_id: str, times: int = 1) -> str:
    """Wait until the job of a run has begun so many times, and return its machine's name."""
    name = f"zenml-{run_id}"
    google.wait_for(lambda: compute.machine(name).container_output().count("begun") >= times)
    return name


def test_an_image_that_cannot_be_pulled_is_told(
    google: GoogleDouble, compute: Compute, world: World, backend: Make, noted: ArtifactStore
) -> None:
    world.pull_errors["zenml/none:1"] = "manifest for zenml/none:1 not found"
    made = backend(image="zenml/none:1")
    status = ended(google, made, begin(made, job_in(noted)), noted)
    assert (status.state, compute.names()) == (State.FAILED, [])
    assert "its image could not be pulled" in status.reason
    assert "manifest for zenml/none:1 not found" in status.reason
    assert "/logs/query;" in status.link


def test_secrets_that_the_machine_may_not_read_are_told(
    google: GoogleDouble, compute: Compute, secrets: SecretManager, backend: Make, noted: ArtifactStore
) -> None:
    google.denied[MACHINE] = {"secretmanager.versions.access"}
    status = ended(google, backend(), begin(backend(), job_in(noted, secrets=("KEY",)), KEY="x"), noted)
    assert status.state is State.FAILED
    assert "has the machine's service account the role Secret Manager Secret Accessor?" in status.reason
    assert "403" in status.reason
    assert (compute.names(), secrets.secrets) == ([], {})


def test_a_proxy_that_reaches_no_database_is_told(
    google: GoogleDouble, compute: Compute, backend: Make, noted: ArtifactStore
) -> None:
    made = backend(cloudsql_connection_name=CONNECTION)
    status = ended(google, made, begin(made, job_in(noted)), noted)
    assert status.state is State.FAILED
    assert "the Cloud SQL Auth Proxy did not start" in status.reason
    assert "The Cloud SQL instance does not exist" in status.reason
    assert compute.names() == []


def test_a_job_that_ends_without_a_word_is_told_with_its_last_lines(
    google: GoogleDouble, backend: Make, noted: ArtifactStore
) -> None:
    made = job_in(noted, "import sys\nprint('no such bucket')\nsys.exit(1)")
    status = ended(google, backend(), begin(backend(), made), noted)
    assert status.state is State.FAILED
    assert status.reason == "its container ended with exit code 1, and printed at last: no such bucket"


@pytest.mark.parametrize(("code", "times"), [(75, 3), (137, 3), (0, 1), (3, 1), (1, 1)])
def test_a_job_that_was_stopped_from_outside_is_started_again(
    google: GoogleDouble, compute: Compute, backend: Make, tmp_path: Any, code: int, times: int
) -> None:
    counter = tmp_path / "counter"
    begin(backend(), job(COUNTED.format(file=str(counter), code=code), preemptions=2))
    google.wait_for(lambda: compute.names() == [])
    assert counter.read_text() == "x" * times


def test_a_spot_machine_that_was_preempted_is_started_again(
    google: GoogleDouble, compute: Compute, backend: Make, store: ArtifactStore
) -> None:
    made = backend(preemptible=True, preemptions=2)
    run_id = begin(made, job(SLEEP))
    for number in (1, 2):
        name = begun(google, compute, run_id, number)
        compute.preempt(name)
        status = made.status(run_id, store)
        assert (status.state, status.reason) == (State.PENDING, "its machine was preempted, and is started again")
    compute.preempt(begun(google, compute, run_id, 3))
    status = made.status(run_id, store)
    assert status.state is State.FAILED
    assert status.reason == "its machine was preempted 3 times, more than the 2 allowed"
    assert compute.machine(name).boots == 3
    made.clean_up(run_id)
    assert compute.names() == []


def test_a_preempted_machine_waits_for_capacity(
    google: GoogleDouble, compute: Compute, backend: Make, store: ArtifactStore
) -> None:
    made = backend(preemptible=True)
    run_id = begin(made, job(SLEEP))
    name = begun(google, compute, run_id)
    compute.preempt(name)
    compute.no_capacity = {"europe-west1-b"}
    status = made.status(run_id, store)
    assert status.state is State.PENDING
    assert "waits to be started again: its machine" in status.reason.replace(f"machine {name}", "its machine")
    assert "the zone has no capacity for it now" in status.reason
    compute.no_capacity = set()
    calls = len(google.calls)
    assert "the zone has no capacity for it now" in made.status(run_id, store).reason
    assert "compute.instances.start" not in google.methods()[calls:]  # not again within a minute
    compute.age(name, 100)
    assert made.status(run_id, store).reason == "its machine was preempted, and is started again"
    begun(google, compute, run_id, 2)


def _stop(compute: Compute, name: str) -> None:
    compute.stop(name, "colleague@example.com")


def _time_out(compute: Compute, name: str) -> None:
    compute.age(name, 5000)
    compute.time_out(name)


@pytest.mark.parametrize(
    ("end", "state", "reason"),
    [
        (_stop, State.LOST, "its machine was stopped by colleague@example.com before the run ended. Go on: "),
        (_time_out, State.FAILED, "the deadline has passed: its machine might run for 3000 s"),
        (Compute.vanish, State.LOST, "its machine is gone: somebody deleted it before the run ended. Go on: "),
    ],
)
def test_a_machine_that_was_taken_away_ends_its_run(
    google: GoogleDouble,
    compute: Compute,
    backend: Make,
    store: ArtifactStore,
    end: Callable[[Compute, str], None],
    state: State,
    reason: str,
) -> None:
    made = backend(max_run_duration=3000)
    run_id = begin(made, job(SLEEP))
    end(compute, begun(google, compute, run_id))
    status = made.status(run_id, store)
    assert status.state is state
    assert status.reason.startswith(reason)
    made.clean_up(run_id)
    assert made.list_runs() == []


def test_a_machine_that_may_not_delete_itself_turns_itself_off_and_is_found(
    google: GoogleDouble, compute: Compute, backend: Make, store: ArtifactStore
) -> None:
    google.denied[MACHINE] = {"compute.instances.delete"}
    run_id = begin(backend(), job())
    name = f"zenml-{run_id}"
    google.wait_for(lambda: (compute.instance(name) or {}).get("status") == "TERMINATED")
    assert backend().status(run_id, store).reason.startswith("its machine shut itself down before the run ended")
    assert [row.run_id for row in backend().list_runs()] == [run_id]
    backend().clean_up(run_id)
    assert backend().list_runs() == []


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        (
            "no_capacity",
            {"europe-west1-b"},
            r"the zone has no capacity for it now: .*ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS\)\. Try again later,",
        ),
        (
            "quota_error",
            "Quota 'CPUS' exceeded.  Limit: 24.0 in region europe-west1.",
            r"a quota is used up: Quota 'CPUS' exceeded.* \(QUOTA_EXCEEDED\)\. Free some",
        ),
    ],
)
def test_a_machine_that_cannot_be_made_is_told(
    compute: Compute, backend: Make, store: ArtifactStore, field: str, value: Any, told: str
) -> None:
    setattr(compute, field, value)
    made = job()
    with pytest.raises(ConfigError, match=told):
        begin(backend(), made)
    assert compute.names() == []
    assert backend().status(made.run_id, store).state is State.FAILED


def test_an_image_of_the_system_that_is_not_there_is_told(compute: Compute, backend: Make) -> None:
    with pytest.raises(ConfigError, match=r"sourceImage': The referenced image does not exist"):
        begin(backend(machine_image="projects/proj-one/global/images/none"), job())
    assert compute.names() == []
    assert backend().list_runs() == []


def test_a_machine_of_an_earlier_life_of_the_run_makes_way(
    google: GoogleDouble, compute: Compute, backend: Make
) -> None:
    run_id = begin(backend(), job(SLEEP))
    _stop(compute, begun(google, compute, run_id))
    begin(backend(), job("print('second', flush=True)", run_id=run_id))
    google.wait_for(lambda: compute.names() == [])
    assert "second" in compute.machine(f"zenml-{run_id}").container_output()
    assert len(compute.machines) == 2


def test_a_machine_of_that_name_that_is_not_the_runs_is_refused(
    google: GoogleDouble, compute: Compute, backend: Make
) -> None:
    run_id = begin(backend(), job(SLEEP))
    begun(google, compute, run_id)
    body = compute.instance(f"zenml-{run_id}")
    assert body is not None
    body["labels"] = {"zenml-run": new_run_id()}
    with pytest.raises(ConfigError, match="which is not of this run"):
        begin(backend(), job(run_id=run_id))
    assert len(compute.machines) == 1


def test_a_canceled_run_is_told_to_end_and_takes_its_secret_along(
    google: GoogleDouble, compute: Compute, secrets: SecretManager, backend: Make, store: ArtifactStore, tmp_path: Any
) -> None:
    told = tmp_path / "told"
    wait = "import pathlib, signal, sys\n"
    wait += f"signal.signal(15, lambda *_: (pathlib.Path({str(told)!r}).touch(), sys.exit(3)))\n"
    run_id = begin(backend(), job(wait + SLEEP, secrets=("KEY",)), KEY="x")
    begun(google, compute, run_id)
    backend().cancel(run_id, store)
    google.wait_for(lambda: compute.names() == [])
    assert told.exists()
    assert secrets.secrets == {}
    backend().cancel(run_id, store)


def test_logs_are_the_console_while_the_machine_is_there_and_cloud_logging_afterwards(
    google: GoogleDouble, compute: Compute, backend: Make, tmp_path: Any
) -> None:
    gate = tmp_path / "gate"
    wait = f"while not pathlib.Path({str(gate)!r}).exists():\n    time.sleep(0.02)"
    run_id = begin(backend(), job(f"import pathlib, time\nprint('first', flush=True)\n{wait}\nprint('last')"))
    stream = backend().logs(run_id, follow=True)
    assert next(line for line in stream if "first" in line) == "first"
    gate.touch()
    assert "last" in list(stream)
    google.wait_for(lambda: compute.names() == [])
    assert [line for line in backend().logs(run_id, follow=False) if line in ("first", "last")] == ["first", "last"]


def test_a_machine_whose_service_does_not_answer_goes_on(
    google: GoogleDouble, compute: Compute, backend: Make, store: ArtifactStore
) -> None:
    run_id = begin(backend(), job(SLEEP))
    begun(google, compute, run_id)
    google.faults.append(Fault("503", times=100, method="instances.get"))
    status = backend().status(run_id, store)
    assert status.state is State.PENDING
    assert "the service cannot do that now" in status.reason
    google.faults.clear()
    google.denied["somebody@example.com"] = {"compute.instances.get"}
    with pytest.raises(ConfigError, match=r"the permission compute\.instances\.get on proj-one/.* is missing"):
        backend().status(run_id, store)


def test_who_may_not_see_operations_is_told_less(
    google: GoogleDouble, compute: Compute, backend: Make, store: ArtifactStore
) -> None:
    google.denied["somebody@example.com"] = {"compute.zoneOperations.list"}
    run_id = begin(backend(), job(SLEEP))
    compute.vanish(begun(google, compute, run_id))
    status = backend().status(run_id, store)
    assert isinstance(status, JobStatus)
    assert status.state is State.LOST


def test_runs_are_listed_without_secret_manager(
    google: GoogleDouble, compute: Compute, secrets: SecretManager, backend: Make
) -> None:
    secrets.enabled = False
    run_id = begin(backend(), job(SLEEP))
    begun(google, compute, run_id)
    assert [row.run_id for row in backend().list_runs()] == [run_id]
    backend().clean_up(run_id)
    assert compute.names() == []


def test_the_note_of_an_earlier_machine_of_the_run_counts_no_more(
    google: GoogleDouble, compute: Compute, backend: Make, noted: ArtifactStore
) -> None:
    made = backend(preemptible=True)
    first = job_in(noted, "import sys\nsys.exit(1)")
    assert "exit code 1" in ended(google, made, begin(made, first), noted).reason
    again = job_in(noted, SLEEP)
    run_id = begin(made, replace(first, arguments=again.arguments))
    compute.preempt(begun(google, compute, run_id))
    assert made.status(run_id, noted).reason == "its machine was preempted, and is started again"


def test_machines_that_another_service_labelled_are_left_alone(
    google: GoogleDouble, compute: Compute, backend: Make
) -> None:
    run_id = begin(backend(), job(SLEEP))
    begun(google, compute, run_id)
    compute.boots = False
    made = job(run_id=run_id)
    compute_body = {**backend().render(made)[0].body, "name": "dataflow-worker-1"}
    backend().submit(made, [Resource("Instance", "dataflow-worker-1", compute_body)])
    (row,) = backend().list_runs()
    assert row.resources == (f"Instance/zenml-{run_id}",)
    backend().clean_up(run_id)
    assert compute.names() == ["dataflow-worker-1"]


def test_a_machine_that_could_say_nothing_is_told_to_have_deleted_itself(
    google: GoogleDouble, compute: Compute, backend: Make, store: ArtifactStore
) -> None:
    run_id = begin(backend(), job("import sys\nsys.exit(1)", spec_uri="s3://bucket/dir/runs/x/spec.yaml"))
    google.wait_for(lambda: compute.names() == [])
    status = backend().status(run_id, store)
    assert status.state is State.FAILED
    assert status.reason.startswith(f"its machine was deleted by {MACHINE}, most likely itself, before")
    assert "May its service account read and write there?" in status.reason
