from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from zenml.metadata.store import MetadataStore
from zenml.testing.metadata_store import MetadataStoreConformance

sys.path.insert(0, str(Path(__file__).parent))  # where the tests' own modules lie


class TestSQLite(MetadataStoreConformance):
    @pytest.fixture
    def store(self, tmp_path: Path) -> MetadataStore:
        from zenml_mlmd.store import MLMDMetadataStore

        return MLMDMetadataStore(path=str(tmp_path / "metadata.db"))


class TestServer(MetadataStoreConformance):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[MetadataStore]:
        from mlmd_server import running

        from zenml_mlmd.store import MLMDMetadataStore

        with running(tmp_path / "metadata.db") as server:
            yield MLMDMetadataStore(server=server)
