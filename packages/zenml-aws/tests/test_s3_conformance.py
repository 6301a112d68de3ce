from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from zenml.artifacts.store import ArtifactStore
from zenml.testing.artifact_store import ArtifactStoreConformance


@pytest.fixture(autouse=True)
def _secrets_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the keys of stores that are written down."""
    monkeypatch.setenv("ZENML_SECRETS_FILE", str(tmp_path / "secrets.yaml"))


class TestS3(ArtifactStoreConformance):
    @pytest.fixture
    def store(self, bucket: str, store_at: Callable[[str], ArtifactStore]) -> ArtifactStore:
        return store_at(f"s3://{bucket}/some/folder")
