"""What is found before anything is made: every problem at once, with the closest name."""

from __future__ import annotations

from pathlib import Path

import pytest
from gcp_jobs import Make
from google_double import Fault, GoogleDouble
from google_double.compute import Compute
from google_double.others import Buckets, Projects

from zenml.errors import ConfigError, ZenMLError
from zenml_gcp.artifact_store import GCSArtifactStore
from zenml_gcp.google_api import connect
from zenml_gcp.vm.access import find_problems
from zenml_gcp.vm.backend import OrchestratorGCPBackend

DEFAULT = "1234-compute@developer.gserviceaccount.com"


def told(backend: OrchestratorGCPBackend) -> list[str]:
    """Return what is wrong."""
    with pytest.raises(ConfigError) as caught:
        backend.check_access()
    return [str(problem) for problem in caught.value.problems]


def test_nothing_is_wrong(google: GoogleDouble, backend: Make) -> None:
    backend().check_access()
    backend(gpu="nvidia-tesla-t4:2", machine_type="n1-standard-4", subnetwork="workers").check_access()
    backend(machine_type="n2-custom-8-16384", preemptible=True).check_access()
    assert {call.method.rpartition(".")[2] for call in google.calls} <= {"token", "get", "list", "testIamPermissions"}


def test_every_problem_is_told_at_once(google: GoogleDouble, compute: Compute, backend: Make) -> None:
    google.service(Projects).lacking = {"compute.instances.create", "secretmanager.versions.add"}
    compute.catalog.quotas[0] |= {"usage": 22.0}
    found = told(backend(machine_type="e2-standart-4", gpu="nvidia-tesla-t5", network="defualt", subnetwork="worker"))
    lacking = "compute.instances.create, secretmanager.versions.add"
    starts = [
        f"project: you lack the permissions {lacking} on the project proj-one. Ask for the roles",
        "machine_type: the zone europe-west1-b has no machine type e2-standart-4. Did you mean e2-standard-4?",
        "gpu: the zone europe-west1-b has no accelerator nvidia-tesla-t5. Did you mean nvidia-tesla-t4?",
        "network: the project proj-one has no network defualt. Name one that it has: gcloud compute networks list",
        "subnetwork: the region europe-west1 has no subnetwork worker. Name one that it has",
    ]
    assert [text[: len(start)] for text, start in zip(found, starts, strict=True)] == starts


def test_a_zone_that_is_not_there_is_told_with_the_closest(google: GoogleDouble, backend: Make) -> None:
    (near,) = told(backend(zone="us-central1-z"))
    assert near.startswith("zone: there is no zone us-central1-z. Did you mean us-central1-")
    (far,) = told(backend(zone="mars-xx9-q"))
    assert far.endswith("Zones: europe-west1-b, europe-west1-c, europe-west1-d, us-central1-a, us-central1-b")


def test_machine_types_are_listed_where_none_is_near(google: GoogleDouble, backend: Make) -> None:
    (found,) = told(backend(machine_type="x99-mega-128"))
    assert found.endswith("Its machine types: a2-highgpu-1g, e2-standard-2, e2-standard-4, n1-standard-4")


def test_quotas_are_compared_with_what_the_machine_needs(google: GoogleDouble, compute: Compute, backend: Make) -> None:
    compute.catalog.quotas[0] |= {"usage": 21.0}
    compute.catalog.quotas[3] |= {"usage": 8.0}
    made = backend(gpu="nvidia-tesla-t4:4", machine_type="n1-standard-4")
    assert told(made) == [
        f"machine_type: quota {metric} of the region europe-west1: the machine needs {needs}, and {left} is left. Free "
        "some of it, ask for less, or have it raised"
        for metric, needs, left in (
            ("CPUS", 4, "3 of 24"),
            ("IN_USE_ADDRESSES", 1, "0 of 8"),
            ("NVIDIA_T4_GPUS", 4, "2 of 2"),
        )
    ]
    (only,) = told(backend(machine_type="e2-standard-2"))
    assert "IN_USE_ADDRESSES" in only
    backend(machine_type="e2-standard-2", external_ip=False).check_access()


def test_too_many_accelerators_are_told(google: GoogleDouble, compute: Compute, backend: Make) -> None:
    compute.catalog.quotas.pop()
    (found,) = told(backend(gpu="nvidia-tesla-t4:8", machine_type="n1-standard-4"))
    assert found == "gpu: a machine takes at most 4 of nvidia-tesla-t4. Write nvidia-tesla-t4:4"


def test_no_credentials_are_told(backend: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "absent.json"))
    found = told(backend())
    assert len(found) == 1
    assert "no Google credentials were found" in found[0]
    assert "gcloud auth application-default login" in found[0]


def test_expired_credentials_are_told_once(google: GoogleDouble, backend: Make) -> None:
    google.expired = True
    (found,) = told(backend())
    assert "the Google credentials are not valid any more" in found


def test_credentials_that_the_service_does_not_take_are_told_once(
    google: GoogleDouble, backend: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(google, "_tokens", {})
    monkeypatch.setattr(google, "token_of", lambda _: "ya29.stale")
    (found,) = told(backend())
    assert "does not accept the credentials" in found


def test_a_project_that_one_cannot_see_is_told(google: GoogleDouble, backend: Make) -> None:
    found = told(backend(project="proj-two"))
    assert (
        "project: there is no project proj-two, or you may not see it. Check its id: gcloud projects list" in found[0]
    )


def test_an_api_that_is_not_enabled_is_told_once(google: GoogleDouble, compute: Compute, backend: Make) -> None:
    compute.enabled = False
    (found,) = told(backend())
    assert "the API compute.googleapis.com is not enabled" in found
    assert "gcloud services enable compute.googleapis.com" in found


def test_a_missing_permission_is_told_by_its_name(google: GoogleDouble, backend: Make) -> None:
    google.denied["somebody@example.com"] = {"compute.zones.list", "compute.networks.get"}
    (found,) = told(backend())
    assert "the permission compute.zones.list on proj-one is missing" in found


@pytest.mark.parametrize(
    ("number", "members", "account", "refused"),
    [
        ("1234", [], None, False),
        ("99", [], None, True),
        ("99", [f"serviceAccount:{DEFAULT}"], None, False),
        ("99", [f"serviceAccount:{DEFAULT}"], "trainer@proj-one.iam.gserviceaccount.com", True),
        ("99", ["allUsers"], None, False),
        ("99", ["group:ml@example.com"], None, False),
    ],
)
def test_a_bucket_of_another_project_must_let_the_machine_in(
    google: GoogleDouble, backend: Make, number: str, members: list[str], account: str | None, refused: bool
) -> None:
    buckets = google.service(Buckets)
    buckets.projects["data"], buckets.members["data"] = number, members
    made = backend(service_account=account)
    store = GCSArtifactStore("gs://data/dir", endpoint_url=google.url)
    found = [str(problem) for problem in find_problems(made, connect(google.url), store)]
    assert bool(found) is refused
    if refused:
        assert "the bucket data belongs to another project than proj-one" in found[0]
        assert f"--member=serviceAccount:{account or DEFAULT} --role=roles/storage.objectAdmin" in found[0]


def test_a_bucket_that_is_not_there_is_told(google: GoogleDouble, backend: Make) -> None:
    store = GCSArtifactStore("gs://nowhere/dir", endpoint_url=google.url)
    (found,) = find_problems(backend(), connect(google.url), store)
    assert str(found) == "run.artifact_store: the bucket nowhere does not exist. Make it, or choose another one"


def test_a_service_that_does_not_answer_is_told(google: GoogleDouble, backend: Make) -> None:
    google.faults.append(Fault("cut-before", times=1000))
    with pytest.raises(ZenMLError, match="does not answer"):
        backend().check_access()
