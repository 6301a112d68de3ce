from __future__ import annotations

import pytest

from zenml.backends.orchestrator import OrchestratorBaseBackend, OrchestratorSubprocessBackend
from zenml.backends.orchestrator_interface import OrchestratorBackend
from zenml.runtime.remote import RemoteOrchestratorBackend
from zenml.testing.orchestrator import OrchestratorConformance, RemoteOrchestratorConformance


class TestInProcess(OrchestratorConformance):
    @pytest.fixture
    def backend(self) -> OrchestratorBackend:
        return OrchestratorBaseBackend()


class TestSideBySide(OrchestratorConformance):
    @pytest.fixture
    def backend(self) -> OrchestratorBackend:
        return OrchestratorBaseBackend(parallel_steps=2)


class TestSubprocess(RemoteOrchestratorConformance):
    @pytest.fixture
    def backend(self) -> OrchestratorBackend:
        return OrchestratorSubprocessBackend()

    def bounded(self, backend: RemoteOrchestratorBackend, seconds: int) -> RemoteOrchestratorBackend:
        return OrchestratorSubprocessBackend(deadline_seconds=seconds)
