from __future__ import annotations

from collections.abc import Callable

import pytest

from zenml.artifacts.store import ArtifactStore
from zenml.testing.artifact_store import ArtifactStoreConformance


class TestS3(ArtifactStoreConformance):
    @pytest.fixture
    def store(self, bucket: str, store_at: Callable[[str], ArtifactStore]) -> ArtifactStore:
        return store_at(f"s3://{bucket}/some/folder")
