from __future__ import annotations

from collections.abc import Callable

import pytest

from zenml.artifacts.store import ArtifactStore
from zenml.testing.artifact_store import ODD_NAMES, ArtifactStoreConformance

pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # gcsfs gives chunks to aiohttp


class TestCloudStorage(ArtifactStoreConformance):
    NAMES = tuple(name for name in ODD_NAMES if ";" not in name)  # there the emulator ends an object's name

    @pytest.fixture
    def store(self, bucket: str, store_at: Callable[[str], ArtifactStore]) -> ArtifactStore:
        return store_at(f"gs://{bucket}/some/folder")
