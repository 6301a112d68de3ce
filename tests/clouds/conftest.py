"""Stores in emulators, with the environment that names their secrets."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex

import pytest

from zenml.artifacts.read_cache import FOLDER_VARIABLE
from zenml.testing.emulators import gcs_emulator, make_gcs_bucket, make_s3_bucket, s3_emulator

PLANTED = "planted-secret-1729"
SHARED = Path(__file__).parents[1] / "e2e"


@pytest.fixture(scope="session")
def emulators() -> Iterator[dict[str, str]]:
    """Addresses of the emulators by URL scheme."""
    for module, package in (("s3fs", "zenml-aws"), ("gcsfs", "zenml-gcp"), ("moto", "moto[server]")):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed. Run: pip install {package}")
    with s3_emulator() as s3, gcs_emulator() as gs:
        yield {"s3": s3, "gs": gs}


@pytest.fixture
def store_block(
    emulators: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], dict[str, object]]:
    """Return the block of a spec that names a store in a new bucket, and use an empty cache."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setenv("TEST_SECRET_KEY", PLANTED)
    monkeypatch.setenv("TEST_ACCESS_KEY", "test")
    monkeypatch.syspath_prepend(SHARED)

    def block(scheme: str) -> dict[str, object]:
        bucket = f"bucket-{token_hex(8)}"
        keys = {"access_key": "env:TEST_ACCESS_KEY", "secret_key": "env:TEST_SECRET_KEY"}
        (make_s3_bucket if scheme == "s3" else make_gcs_bucket)(emulators[scheme], bucket)
        options = keys if scheme == "s3" else {"anonymous": True}
        return {
            "type": scheme,
            "config": {"path": f"{scheme}://{bucket}/dir", "endpoint_url": emulators[scheme], **options},
        }

    return block
