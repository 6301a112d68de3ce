"""The suite of every remote orchestrator, on machines of the double; they see this machine's temporary files."""

from __future__ import annotations

from typing import Any

import pytest
from gcp_jobs import Make
from google_double.compute import Compute

from zenml.runtime.remote import RemoteOrchestratorBackend
from zenml.runtime.run import Run
from zenml.testing.orchestrator import RemoteOrchestratorConformance
from zenml_gcp.vm.backend import OrchestratorGCPBackend


class TestComputeEngine(RemoteOrchestratorConformance):
    @pytest.fixture
    def backend(self, compute: Compute, backend: Make, monkeypatch: pytest.MonkeyPatch) -> Any:
        self.compute = compute
        monkeypatch.setattr(OrchestratorGCPBackend, "reaches_local_files", True)
        return backend(preemptible=True)

    def preempt(self, backend: RemoteOrchestratorBackend, run: Run) -> None:
        self.compute.preempt(f"zenml-{run.id}")

    def bounded(self, backend: RemoteOrchestratorBackend, seconds: int) -> RemoteOrchestratorBackend:
        return backend.model_copy(update={"max_run_duration": seconds})
