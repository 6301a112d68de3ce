"""A double of Google Cloud, and backends that lead there."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # where the tests' own modules lie
sys.path.insert(0, str(Path(__file__).parents[1] / "databases"))  # and those of the database servers
sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))  # and the quickstart's

from database_servers import PASSWORD, DatabaseServer, mariadb
from gcp_jobs import CONNECTION, Make, sql_port
from google_double import GoogleDouble
from google_double.compute import Compute
from google_double.machine import World
from google_double.others import PROJECT, Buckets, Logging, Projects
from google_double.secret_manager import SecretManager
from metadata_databases import config_of, new_database

from zenml.artifacts import retrying
from zenml.artifacts.read_cache import FOLDER_VARIABLE
from zenml.artifacts.store import ArtifactStore
from zenml.testing.emulators import gcs_emulator, make_gcs_bucket
from zenml_gcp.vm.backend import OrchestratorGCPBackend


@pytest.fixture
def world() -> World:
    """What the double's machines reach."""
    return World(lambda _: "")


@pytest.fixture
def google(tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[GoogleDouble]:
    """A double of Google Cloud, with credentials for it, and short pauses."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed, which machines of the double use. Run: apt-get install curl")
    monkeypatch.setattr(retrying, "_FIRST_PAUSE", 0.002)
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


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[DatabaseServer]:
    """Return a running MariaDB."""
    with mariadb() as server:
        yield server


@pytest.fixture
def metadata(mariadb_server: DatabaseServer, world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Return the config of a store in a new database of Cloud SQL, which only machines reach, at 127.0.0.1."""
    monkeypatch.setenv("DATABASE_PASSWORD", PASSWORD)
    world.databases[CONNECTION] = ("127.0.0.1", mariadb_server.port)
    with new_database(mariadb_server) as name:
        yield config_of(mariadb_server, name) | {"port": sql_port()}


@pytest.fixture(scope="session")
def gcs() -> Iterator[str]:
    """Return the address of an emulator of Cloud Storage."""
    with gcs_emulator() as address:
        yield address


@pytest.fixture
def bucket(gcs: str, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the URL of a folder in a new bucket, which this machine and the double's reach as they reach Google's."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    for key, value in {"STORAGE_EMULATOR_HOST": gcs, "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false"}.items():
        monkeypatch.setenv(key, value)
        world.image_variables[key] = value
    name = f"bucket-{token_hex(8)}"
    make_gcs_bucket(gcs, name)
    return f"gs://{name}/dir"


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    """Return an empty store, in which no supervisor ever writes."""
    return ArtifactStore(str(tmp_path / "artifacts"))
