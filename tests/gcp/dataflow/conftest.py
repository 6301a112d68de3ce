"""A double of Dataflow, a bucket in an emulator, and engines that lead there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # where these tests' own modules lie
sys.path.insert(0, str(Path(__file__).parents[1]))  # and the double's

from dataflow_double import REGIONS, Dataflow
from google_double import Body, Call, GoogleDouble, Refusal, Service, serves
from google_double.others import PROJECT, Buckets, Projects
from worker_machines import WorkerMachines

from zenml.artifacts import retrying
from zenml.testing.emulators import gcs_emulator, make_gcs_bucket

if TYPE_CHECKING:
    from zenml_gcp.dataflow.backend import ProcessingDataFlowBackend

Make = Callable[..., "ProcessingDataFlowBackend"]


class Regions(Service):
    """Compute Engine, as far as which regions there are, and what they have."""

    DOCUMENT = "compute.v1"
    HOST = "compute.googleapis.com"

    @serves("compute.regions.list")
    def list(self, call: Call) -> Body:
        """Return the regions."""
        link = "https://www.googleapis.com/compute/v1/projects/proj-one/zones"
        return {
            "items": [{"name": region, "zones": [f"{link}/{region}-{zone}" for zone in "bc"]} for region in REGIONS]
        }

    @serves("compute.machineTypes.get")
    def machine_type(self, call: Call) -> Body:
        """Return a type of machines; each zone has one of its own."""
        return _one(MACHINE_TYPES[call.parameters["zone"][-1]], call.parameters["machineType"])

    @serves("compute.machineTypes.list")
    def machine_types(self, call: Call) -> Body:
        """Return the types of machines."""
        return {"items": [{"name": name} for name in MACHINE_TYPES[call.parameters["zone"][-1]]]}

    @serves("compute.networks.get")
    def network(self, call: Call) -> Body:
        """Return a network."""
        return _one(("default",), call.parameters["network"])

    @serves("compute.subnetworks.get")
    def subnetwork(self, call: Call) -> Body:
        """Return a subnetwork."""
        return _one(("workers",), call.parameters["subnetwork"])


MACHINE_TYPES = {"b": ("e2-standard-2", "n2-highmem-4"), "c": ("e2-standard-2", "c3-standard-4")}
"""Types of machines by the last letter of the zone."""


def _one(names: tuple[str, ...], name: str) -> Body:
    if name not in names:
        raise Refusal(404, f"The resource '{name}' was not found")
    return {"name": name}


@pytest.fixture(scope="session")
def storage() -> Iterator[str]:
    """Address of an emulator of Cloud Storage."""
    pytest.importorskip("gcp_storage_emulator", reason="Run: pip install gcp-storage-emulator")
    with gcs_emulator() as address:
        yield address


@pytest.fixture(scope="session")
def machines() -> Iterator[WorkerMachines]:
    """What starts the workers."""
    pytest.importorskip("apache_beam", reason="Run: pip install zenml-gcp[dataflow]")
    made = WorkerMachines()
    yield made
    made.close()


@pytest.fixture
def place(storage: str) -> str:
    """A staging location in a new bucket."""
    name = f"bucket-{token_hex(8)}"
    make_gcs_bucket(storage, name)
    return f"gs://{name}/dataflow_processing/staging"


@pytest.fixture
def google(
    tmp_path_factory: pytest.TempPathFactory, storage: str, machines: WorkerMachines, monkeypatch: pytest.MonkeyPatch
) -> Iterator[GoogleDouble]:
    """A double of Google Cloud, with credentials for it, and short pauses."""
    from zenml_gcp.dataflow.backend import ProcessingDataFlowBackend

    folder = tmp_path_factory.mktemp("google")
    monkeypatch.setattr(retrying, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(ProcessingDataFlowBackend, "PAUSES", (0.05, 0.2))
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", storage)
    environment = {"STORAGE_EMULATOR_HOST": storage}
    dataflow = Dataflow(folder / "jobs", storage, machines, environment)
    with GoogleDouble(dataflow, Projects(), Regions(), Buckets()) as double:
        credentials = str(double.write_credentials(folder / "credentials.json"))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", credentials)
        dataflow.environment["GOOGLE_APPLICATION_CREDENTIALS"] = credentials
        yield double
    assert double.defects == []


@pytest.fixture
def dataflow(google: GoogleDouble) -> Dataflow:
    """The double's Dataflow."""
    return google.service(Dataflow)


@pytest.fixture
def engine(google: GoogleDouble, place: str) -> Make:
    """Return what makes an engine that leads to the double."""

    def make(**options: Any) -> ProcessingDataFlowBackend:
        from zenml_gcp.dataflow.backend import ProcessingDataFlowBackend

        usual = {"project": PROJECT, "staging_location": place, "endpoint_url": google.url}
        return ProcessingDataFlowBackend(**{**usual, **options})

    return make
