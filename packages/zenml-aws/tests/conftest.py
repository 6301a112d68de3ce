from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from secrets import token_hex

import pytest

from zenml.testing.emulators import make_s3_bucket, s3_emulator
from zenml_aws.artifact_store import S3ArtifactStore

NEEDED = {"s3fs": "zenml-aws", "moto": "moto[server]"}


@pytest.fixture(autouse=True, scope="session")
def _installed() -> None:
    for module, package in NEEDED.items():
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed. Run: pip install {package}")


@pytest.fixture(scope="session")
def s3(_installed: None) -> Iterator[str]:
    """Address of an emulator of S3."""
    with s3_emulator() as address:
        yield address


@pytest.fixture
def bucket(s3: str) -> str:
    """Name of a new bucket."""
    name = f"bucket-{token_hex(8)}"
    make_s3_bucket(s3, name)
    return name


@pytest.fixture
def store_at(s3: str) -> Callable[[str], S3ArtifactStore]:
    """Make a store of a URL in the emulator."""
    return lambda path: S3ArtifactStore(path, endpoint_url=s3, access_key="test", secret_key="testsecret")
