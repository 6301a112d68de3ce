"""Fixtures: a double of SageMaker, an S3 that it shares with the client, and backends that lead there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from sagemaker_double import ACCOUNT, REGION, ROLE, SagemakerDouble

from zenml.artifacts.read_cache import FOLDER_VARIABLE
from zenml.runtime import remote_work
from zenml.testing.emulators import lead_to_s3, make_s3_bucket, s3_emulator
from zenml_aws.sagemaker import backend as backend_module
from zenml_aws.sagemaker.backend import TrainingSagemakerBackend

Make = Callable[..., TrainingSagemakerBackend]
"""Makes a backend that leads to the double, with more options where some are given, of another class by `kind`."""

IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/zenml-training:0.4"
"""An image that the double has, with all that this interpreter has."""


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """Address of an emulator of S3."""
    with s3_emulator() as address:
        yield address


@pytest.fixture
def job_dir(s3: str) -> str:
    """URI of a folder in a new bucket."""
    name = f"training-{token_hex(6)}"
    make_s3_bucket(s3, name)
    return f"s3://{name}/zenml"


@pytest.fixture(scope="session")
def served(s3: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SagemakerDouble]:
    """SageMaker, for all tests of a process: clients take long to make, and lead to one address."""
    with SagemakerDouble(tmp_path_factory.mktemp("machines"), s3) as double:
        yield double


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def sagemaker(
    served: SagemakerDouble, s3: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SagemakerDouble]:
    """SageMaker, for which this machine has credentials; pauses are short."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(home / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(home / "no-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    lead_to_s3(monkeypatch, s3)
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.0)
    monkeypatch.setattr(backend_module, "_FIRST_PAUSE", 0.02)
    monkeypatch.setattr(backend_module, "_LAST_PAUSE", 0.2)
    monkeypatch.setattr(remote_work, "_sound", set())
    served.begin_anew()
    served.lead_here(monkeypatch)
    served.training.images.add(IMAGE)
    yield served
    served.training.end()


@pytest.fixture
def make(job_dir: str) -> Make:
    """Return what makes a backend."""

    def make(
        kind: type[TrainingSagemakerBackend] = TrainingSagemakerBackend, **options: Any
    ) -> TrainingSagemakerBackend:
        given = {"role": ROLE, "job_dir": job_dir, "image": IMAGE, "region": REGION}
        return kind(**{**given, **options})

    return make
