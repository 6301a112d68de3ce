"""Fixtures: a double of AWS, and backends that lead there."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # where the tests' own modules lie
sys.path.insert(0, str(Path(__file__).parents[1]))  # and the double

sys.path.insert(0, str(Path(__file__).parents[2] / "databases"))  # and those of the database servers
sys.path.insert(0, str(Path(__file__).parents[2] / "e2e"))  # and the quickstart's

from aws_double import AwsDouble
from database_servers import PASSWORD, DatabaseServer, mariadb
from ec2_jobs import PROFILE, REGION, Make
from metadata_databases import config_of, new_database

from zenml.artifacts import retrying
from zenml.artifacts.read_cache import FOLDER_VARIABLE
from zenml.artifacts.store import ArtifactStore
from zenml.metadata import MySQLMetadataStore
from zenml.metadata.store import MetadataStore
from zenml.spec.model import ComponentSpec
from zenml.testing.emulators import make_s3_bucket, s3_emulator
from zenml_aws.ec2 import backend as backend_module
from zenml_aws.ec2 import console_log, launch
from zenml_aws.ec2.backend import OrchestratorAWSBackend

NEEDED = {"boto3": "zenml-aws", "s3fs": "zenml-aws", "moto": "moto[server]", "flask": "moto[server]"}


@pytest.fixture(autouse=True, scope="session")
def _installed() -> None:
    for module, package in NEEDED.items():
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed. Run: pip install {package}")
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed, which machines ask for their metadata with: its Debian package is curl")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let pauses be short, and no files of this user's be read."""
    from botocore.retries.standard import ExponentialBackoff

    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0.01)
    monkeypatch.setattr(retrying, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(launch, "PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(backend_module, "_PAUSE", 0.02)
    monkeypatch.setattr(backend_module, "_AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(console_log, "_PAUSE", 0.05)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsDouble]:
    """The services, with an instance profile for jobs."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOFTHEUSER0000000")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-the-user")
    with AwsDouble(tmp_path / "machines") as double:
        monkeypatch.setenv("AWS_ENDPOINT_URL", double.address)
        double.add_instance_profile(PROFILE)
        yield double


@pytest.fixture
def backend(aws: AwsDouble) -> Make:
    """Return what makes a backend that leads to the double."""

    def make(**options: Any) -> OrchestratorAWSBackend:
        return OrchestratorAWSBackend(**{"region": REGION, "iam_instance_profile": PROFILE, **options})

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
    with s3_emulator() as address:
        yield address


@pytest.fixture
def metadata(mariadb_server: DatabaseServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[MetadataStore]:
    """Return a store in a new database, whose password only this machine knows."""
    monkeypatch.setenv("DATABASE_PASSWORD", PASSWORD)
    with new_database(mariadb_server) as name:
        yield MySQLMetadataStore(**config_of(mariadb_server, name))


@pytest.fixture
def bucket(s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ArtifactStore:
    """Return a store in a new bucket, which the job reaches by the role of its machine."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    name = f"bucket-{token_hex(8)}"
    make_s3_bucket(s3, name)
    return ArtifactStore.from_spec(ComponentSpec(type="s3", config={"path": f"s3://{name}", "endpoint_url": s3}))
