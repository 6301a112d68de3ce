"""The suite of every remote orchestrator, on the double of a cluster; its stores are on a volume that is mounted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kube_double import KubeDouble
from kube_jobs import Make

from zenml.runtime.remote import RemoteOrchestratorBackend
from zenml.runtime.run import Run
from zenml.testing.orchestrator import RemoteOrchestratorConformance


class TestKubernetes(RemoteOrchestratorConformance):
    @pytest.fixture
    def backend(self, kube: KubeDouble, backend: Make, tmp_path: Path) -> Any:
        self.kube = kube
        kube.add("persistentvolumeclaims", "ml", "shared")
        return backend(mounts={str(tmp_path): "shared"})

    def preempt(self, backend: RemoteOrchestratorBackend, run: Run) -> None:
        pod = self.kube.running_pod()
        self.kube.preempt(pod)
        self.kube.wait_for(lambda: self.kube.ended(pod))

    def bounded(self, backend: RemoteOrchestratorBackend, seconds: int) -> RemoteOrchestratorBackend:
        return backend.model_copy(update={"active_deadline_seconds": seconds})
