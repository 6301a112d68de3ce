"""Fixtures: a double of a cluster, and backends that lead there."""

from __future__ import annotations

import importlib.util
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
from kube_double import KubeDouble
from kube_jobs import Make
from metadata_databases import config_of, new_database

from zenml.artifacts import retrying
from zenml.artifacts.read_cache import FOLDER_VARIABLE
from zenml.artifacts.store import ArtifactStore
from zenml.metadata import MySQLMetadataStore
from zenml.metadata.store import MetadataStore
from zenml.spec.model import ComponentSpec
from zenml.testing.emulators import make_s3_bucket, s3_emulator
from zenml_k8s import log_stream
from zenml_k8s.backend import OrchestratorKubernetesBackend


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pauses be short, and no cluster of this machine be found."""
    monkeypatch.setattr(retrying, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(log_stream, "_PAUSE", 0.02)
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def kube(tmp_path: Path) -> Iterator[KubeDouble]:
    """A cluster with the namespace `ml`, which admits restricted pods only."""
    with KubeDouble(tmp_path / "node") as double:
        double.add_namespace("ml", restricted=True)
        yield double


@pytest.fixture
def backend(kube: KubeDouble, tmp_path: Path) -> Make:
    """Return what makes a backend that leads to the namespace `ml` of the cluster."""
    config = kube.write_kubeconfig(tmp_path / "kubeconfig", namespace="ml")

    def make(**options: Any) -> OrchestratorKubernetesBackend:
        return OrchestratorKubernetesBackend(**{"kubernetes_config_path": str(config), **options})

    return make


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    """Return an empty store, in which no supervisor ever writes."""
    return ArtifactStore(str(tmp_path / "artifacts"))


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[DatabaseServer]:
    """Return a running MariaDB."""
    with mariadb() as server:
        yield server


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """Return the address of an emulator of S3."""
    for module, package in (("s3fs", "zenml-aws"), ("moto", "moto[server]")):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed. Run: pip install {package}")
    with s3_emulator() as address:
        yield address


@pytest.fixture
def metadata(mariadb_server: DatabaseServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[MetadataStore]:
    """Return a store in a new database, whose password only this machine knows."""
    monkeypatch.setenv("DATABASE_PASSWORD", PASSWORD)
    with new_database(mariadb_server) as name:
        yield MySQLMetadataStore(**config_of(mariadb_server, name))


@pytest.fixture
def bucket_key() -> str:
    """Return the secret key of the bucket."""
    return "planted-key-1729"


@pytest.fixture
def bucket(s3: str, bucket_key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ArtifactStore:
    """Return a store in a new bucket, whose key only this machine knows."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setenv("TEST_SECRET_KEY", bucket_key)
    monkeypatch.setenv("TEST_ACCESS_KEY", "test-access-key")
    name = f"bucket-{token_hex(8)}"
    make_s3_bucket(s3, name)
    keys = {"access_key": "env:TEST_ACCESS_KEY", "secret_key": "env:TEST_SECRET_KEY"}
    return ArtifactStore.from_spec(
        ComponentSpec(type="s3", config={"path": f"s3://{name}", "endpoint_url": s3, **keys})
    )
