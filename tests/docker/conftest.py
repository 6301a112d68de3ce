"""A double of a Docker engine, a real one where it starts, and stores for runs in containers."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex

import pytest

from zenml.artifacts.read_cache import FOLDER_VARIABLE
from zenml.artifacts.store import ArtifactStore
from zenml.metadata import MySQLMetadataStore
from zenml.metadata.store import MetadataStore
from zenml.spec.model import ComponentSpec
from zenml.testing.emulators import make_s3_bucket, s3_emulator
from zenml_docker.backend import OrchestratorDockerBackend

sys.path.insert(0, str(Path(__file__).parent))  # where the tests' own modules lie,
sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))  # that of the quickstart,
sys.path.insert(0, str(Path(__file__).parents[1] / "databases"))  # and those of the database servers

from database_servers import PASSWORD, DatabaseServer, mariadb
from engine_double import engine_double
from engine_model import EngineDouble
from metadata_databases import config_of, new_database
from real_engine import RealEngine, real_engine

Backend = Callable[..., OrchestratorDockerBackend]
PLANTED = "planted-key-1729"
"""The secret key of the bucket."""


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use a state folder and a cache of the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def double() -> Iterator[EngineDouble]:
    """An engine that runs containers as processes of this machine."""
    with engine_double(f"{Path(sys.executable).parent}:/usr/bin:/bin") as engine:
        yield engine


@pytest.fixture
def in_double(double: EngineDouble) -> Backend:
    """Make a backend of the double."""
    return lambda **fields: OrchestratorDockerBackend(engine=double.address, image="zenml/test:1", **fields)


@pytest.fixture(scope="session")
def real() -> Iterator[RealEngine]:
    """A real engine of the tests' own; they are skipped with its words where it does not start."""
    with real_engine() as engine:
        yield engine


@pytest.fixture(params=["double", pytest.param("real", marks=pytest.mark.xdist_group("docker"))])
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """Make a backend of the double, or of a real engine."""
    if request.param == "double":
        yield request.getfixturevalue("in_double")
        return
    real: RealEngine = request.getfixturevalue("real")
    yield real.backend
    for row in real.backend().list_runs():  # of a test that failed
        real.backend().clean_up(row.run_id)


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """Address of an emulator of S3."""
    for module, package in (("s3fs", "zenml-aws"), ("moto", "moto[server]")):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed. Run: pip install {package}")
    with s3_emulator() as address:
        yield address


@pytest.fixture
def bucket(s3: str, monkeypatch: pytest.MonkeyPatch) -> ArtifactStore:
    """A store in a new bucket, whose key only this machine knows."""
    monkeypatch.setenv("TEST_SECRET_KEY", PLANTED)
    monkeypatch.setenv("TEST_ACCESS_KEY", "test-access-key")
    name = f"bucket-{token_hex(8)}"
    make_s3_bucket(s3, name)
    keys = {"access_key": "env:TEST_ACCESS_KEY", "secret_key": "env:TEST_SECRET_KEY"}
    config = {"path": f"s3://{name}", "endpoint_url": s3, **keys}
    return ArtifactStore.from_spec(ComponentSpec(type="s3", config=config))


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[DatabaseServer]:
    """A running MariaDB."""
    with mariadb() as server:
        yield server


@pytest.fixture
def database(mariadb_server: DatabaseServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[MetadataStore]:
    """A store in a new database of a real server, whose password only this machine knows."""
    monkeypatch.setenv("DATABASE_PASSWORD", PASSWORD)
    with new_database(mariadb_server) as name:
        yield MySQLMetadataStore(**config_of(mariadb_server, name))
