"""Fixtures: a double of a cluster, and backends that lead there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # where the tests' own modules lie

from kube_double import KubeDouble
from kube_jobs import Make

from zenml.artifacts import retrying
from zenml.artifacts.store import ArtifactStore
from zenml_k8s import log_stream
from zenml_k8s.backend import OrchestratorKubernetesBackend


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pauses be short, and no cluster of this machine be found."""
    monkeypatch.setattr(retrying, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(log_stream, "_PAUSE", 0.02)
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def kube(tmp_path: Path) -> Iterator[KubeDouble]:
    """A cluster with the namespace `ml`, which admits restricted pods only."""
    with KubeDouble(tmp_path / "node") as double:
        double.add_namespace("ml", restricted=True)
        yield double


@pytest.fixture
def backend(kube: KubeDouble, tmp_path: Path) -> Make:
    """Return what makes a backend that leads to the namespace `ml` of the cluster."""
    config = kube.write_kubeconfig(tmp_path / "kubeconfig", namespace="ml")

    def make(**options: Any) -> OrchestratorKubernetesBackend:
        return OrchestratorKubernetesBackend(**{"kubernetes_config_path": str(config), **options})

    return make


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    """Return an empty store, in which no supervisor ever writes."""
    return ArtifactStore(str(tmp_path / "artifacts"))
