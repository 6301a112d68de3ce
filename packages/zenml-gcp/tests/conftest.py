from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from secrets import token_hex

import pytest

from zenml.testing.emulators import gcs_emulator, make_gcs_bucket
from zenml_gcp.artifact_store import GCSArtifactStore

NEEDED = {"gcsfs": "zenml-gcp", "gcp_storage_emulator": "gcp-storage-emulator"}


@pytest.fixture(autouse=True, scope="session")
def _installed() -> None:
    for module, package in NEEDED.items():
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed. Run: pip install {package}")


@pytest.fixture(scope="session")
def gcs(_installed: None) -> Iterator[str]:
    """Address of an emulator of Cloud Storage."""
    with gcs_emulator() as address:
        yield address


@pytest.fixture
def bucket(gcs: str) -> str:
    """Name of a new bucket."""
    name = f"bucket-{token_hex(8)}"
    make_gcs_bucket(gcs, name)
    return name


@pytest.fixture
def store_at(gcs: str) -> Callable[[str], GCSArtifactStore]:
    """Make a store of a URL in the emulator."""
    return lambda path: GCSArtifactStore(path, endpoint_url=gcs, anonymous=True)
