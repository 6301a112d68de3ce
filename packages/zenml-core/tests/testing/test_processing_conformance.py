"""The core's own engines, and one that breaks the rules, under the suite that plugin authors inherit from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from zenml.backends.interfaces import ProcessingBackend
from zenml.runtime.processing_base import ProcessingBaseBackend
from zenml.runtime.worker_pool import POOL
from zenml.testing.hostile import HostileProcessingBackend
from zenml.testing.processing_backend import ProcessingBackendConformance


class TestInProcess(ProcessingBackendConformance):
    @pytest.fixture
    def backend(self) -> ProcessingBackend:
        return ProcessingBaseBackend(workers=1)


class TestTwoWorkers(ProcessingBackendConformance):
    @pytest.fixture
    def backend(self) -> Iterator[ProcessingBackend]:
        yield ProcessingBaseBackend(workers=2)
        POOL.close()


class TestHostile(ProcessingBackendConformance):
    @pytest.fixture
    def backend(self) -> ProcessingBackend:
        return HostileProcessingBackend(seed=3)
