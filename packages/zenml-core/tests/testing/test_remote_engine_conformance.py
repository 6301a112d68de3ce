from __future__ import annotations

import pytest

from zenml.backends.interfaces import ProcessingBackend
from zenml.testing.processing_backend import ProcessingBackendConformance
from zenml.testing.remote_engine import FreshProcessBackend


class TestFreshProcesses(ProcessingBackendConformance):
    @pytest.fixture
    def backend(self, tmp_path_factory: pytest.TempPathFactory) -> ProcessingBackend:
        return FreshProcessBackend(staging_location=str(tmp_path_factory.mktemp("bucket")))
