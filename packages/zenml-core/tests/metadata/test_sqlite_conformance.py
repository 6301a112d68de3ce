from __future__ import annotations

from pathlib import Path

import pytest

from zenml.metadata.sqlite import SQLiteMetadataStore
from zenml.testing.metadata_store import MetadataStoreConformance


class TestSQLite(MetadataStoreConformance):
    @pytest.fixture
    def store(self, tmp_path: Path) -> SQLiteMetadataStore:
        return SQLiteMetadataStore(path=str(tmp_path / "metadata.db"))
