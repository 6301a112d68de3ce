"""A double of Google Cloud, and backends that lead there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # where the tests' own modules lie
sys.path.insert(0, str(Path(__file__).parents[1] / "databases"))  # and those of the database servers
sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))  # and the quickstart's

from gcp_jobs import Make
from google_double import GoogleDouble
from google_double.compute import Compute
from google_double.machine import World
from google_double.others import PROJECT, Buckets, Logging, Projects
from google_double.secret_manager import SecretManager

from zenml.artifacts import retrying
from zenml.artifacts.store import ArtifactStore
from zenml_gcp.vm.backend import OrchestratorGCPBackend


@pytest.fixture
def world() -> World:
    """What the double's machines reach."""
    return World(lambda _: "")


@pytest.fixture
def google(tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[GoogleDouble]:
    """A double of Google Cloud, with credentials for it, and short pauses."""
    monkeypatch.setattr(retrying, "_FIRST_PAUSE", 0.01)
    compute = Compute(tmp_path / "machines", world)
    with GoogleDouble(compute, SecretManager(), Projects(), Buckets(), Logging(compute)) as double:
        world.token_of = double.token_of
        credentials = double.write_credentials(tmp_path / "credentials.json")
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(credentials))
        yield double
    assert double.defects + world.defects == []


@pytest.fixture
def compute(google: GoogleDouble) -> Compute:
    """The double's Compute Engine."""
    return google.service(Compute)


@pytest.fixture
def secrets(google: GoogleDouble) -> SecretManager:
    """The double's Secret Manager."""
    return google.service(SecretManager)


@pytest.fixture
def backend(google: GoogleDouble) -> Make:
    """Return what makes a backend that leads to the double."""

    def make(**options: Any) -> OrchestratorGCPBackend:
        usual = {"project": PROJECT, "zone": "europe-west1-b", "endpoint_url": google.url}
        return OrchestratorGCPBackend(**{**usual, **options})

    return make


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    """Return an empty store, in which no supervisor ever writes."""
    return ArtifactStore(str(tmp_path / "artifacts"))
