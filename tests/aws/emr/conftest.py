"""Fixtures: a double of EMR, an S3 that it shares with the client, and backends that lead there."""

from __future__ import annotations

import io
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # where the tests' own modules lie
sys.path.insert(0, str(Path(__file__).parents[1]))  # and what they share with other tests of AWS
sys.path.insert(0, str(Path(__file__).parents[2] / "databases"))  # and those of the database servers
sys.path.insert(0, str(Path(__file__).parents[2] / "e2e"))  # and the quickstart's

from emr_double import EmrDouble, Host
from emr_double.applications import put
from emr_double.server import REGION, ROLE
from emr_jobs import Make, need_spark

from zenml.artifacts.read_cache import FOLDER_VARIABLE
from zenml.runtime import remote_work
from zenml.testing.emulators import lead_to_s3, make_s3_bucket, s3_emulator
from zenml_aws.emr import backend as backend_module
from zenml_aws.emr import cluster, serverless
from zenml_aws.emr.backend import ProcessingEMRBackend


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """Address of an emulator of S3."""
    with s3_emulator() as address:
        yield address


@pytest.fixture(scope="session")
def environment(s3: str) -> str:
    """URI of an environment's archive, whose interpreter is this one."""
    make_s3_bucket(s3, "environments")
    script = f'#!/bin/sh\nexec "{sys.executable}" "$@"\n'.encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        row = tarfile.TarInfo("bin/python")
        row.size, row.mode = len(script), 0o755
        archive.addfile(row, io.BytesIO(script))
    put(f"{s3}/environments/environment.tar.gz", packed.getvalue())
    return "s3://environments/environment.tar.gz"


@pytest.fixture
def staging(s3: str) -> str:
    """URI of a folder in a new bucket."""
    name = f"staging-{token_hex(6)}"
    make_s3_bucket(s3, name)
    return f"s3://{name}/zenml"


@pytest.fixture
def signed_in(s3: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this machine have credentials, and short pauses."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(home / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(home / "no-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    lead_to_s3(monkeypatch, s3)
    monkeypatch.setenv(FOLDER_VARIABLE, str(home / "cache"))
    for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.0)
    monkeypatch.setattr(cluster, "_PAUSES", (0.0,) * 4)
    monkeypatch.setattr(serverless, "_PAUSE", 0.01)
    monkeypatch.setattr(backend_module, "_FIRST_PAUSE", 0.02)
    monkeypatch.setattr(backend_module, "_LAST_PAUSE", 0.2)
    monkeypatch.setattr(remote_work, "_sound", set())


@pytest.fixture
def emr(
    s3: str, signed_in: None, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[EmrDouble]:
    """EMR, whose drivers have a stand-in for Spark."""
    with EmrDouble(Host(tmp_path_factory.mktemp("machines"), s3)) as double:
        double.lead_here(monkeypatch)
        yield double


@pytest.fixture(scope="session")
def spark_host(s3: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """What runs applications on Spark, whose Java is started once."""
    need_spark()
    host = Host(tmp_path_factory.mktemp("machines"), s3, "spark")
    yield host
    host.close()


@pytest.fixture
def spark_emr(spark_host: Host, signed_in: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmrDouble]:
    """EMR, whose drivers have Spark."""
    with EmrDouble(spark_host) as double:
        double.lead_here(monkeypatch)
        yield double


@pytest.fixture
def make(staging: str, environment: str) -> Make:
    """Return what makes a backend; by default on EMR Serverless, with an application of its own."""

    def make(**options: Any) -> ProcessingEMRBackend:
        given = {"staging_location": staging, "region": REGION, "environment": environment}
        if "cluster_id" not in options:
            given["execution_role_arn"] = ROLE
        return ProcessingEMRBackend(**{**given, **options})

    return make
