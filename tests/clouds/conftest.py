"""Stores in emulators, with the environment that names their secrets."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex

import pytest

from zenml.artifacts.read_cache import FOLDER_VARIABLE
from zenml.testing.emulators import gcs_emulator, make_gcs_bucket, make_s3_bucket, s3_emulator

sys.path.insert(0, str(Path(__file__).parent))  # where the tests' own modules lie
sys.path.insert(0, str(Path(__file__).parents[1] / "databases"))  # and those of the database servers

from database_servers import DatabaseServer, mariadb

PLANTED = "planted-secret-1729"
SHARED = Path(__file__).parents[1] / "e2e"


def _need(*packages: tuple[str, str]) -> None:
    for module, package in packages:
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed. Run: pip install {package}")


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """Return the address of an emulator of S3."""
    _need(("s3fs", "zenml-aws"), ("moto", "moto[server]"))
    with s3_emulator() as address:
        yield address


@pytest.fixture(scope="session")
def emulators(s3: str) -> Iterator[dict[str, str]]:
    """Addresses of the emulators by URL scheme."""
    _need(("gcsfs", "zenml-gcp"))
    with gcs_emulator() as gs:
        yield {"s3": s3, "gs": gs}


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[DatabaseServer]:
    """Return a running MariaDB."""
    with mariadb() as server:
        yield server


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
