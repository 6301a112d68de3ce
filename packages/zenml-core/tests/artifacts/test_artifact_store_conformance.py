from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

from zenml.artifacts.store import ArtifactStore
from zenml.testing.artifact_store import ArtifactStoreConformance


class TestLocalFolder(ArtifactStoreConformance):
    LARGE: ClassVar[int] = 1_000_000

    @pytest.fixture
    def store(self, tmp_path: Path) -> ArtifactStore:
        return ArtifactStore(tmp_path / "artifacts")


class TestFsspecUrl(ArtifactStoreConformance):
    LARGE: ClassVar[int] = 1_000_000

    @pytest.fixture
    def store(self, tmp_path: Path) -> ArtifactStore:
        return ArtifactStore(f"local://{tmp_path}/artifacts")
