"""Dataflow does all that an engine must."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from zenml.backends.interfaces import ProcessingBackend
from zenml.testing.processing_backend import ProcessingBackendConformance

pytestmark = pytest.mark.xdist_group("dataflow")


class TestDataflow(ProcessingBackendConformance):
    @pytest.fixture
    def backend(self, engine: Callable[..., ProcessingBackend]) -> ProcessingBackend:
        return engine()
