"""The orchestrator on Docker passes the suite for orchestrators: on a double, and on a real engine where one starts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from real_engine import RealEngine

from zenml.runtime.remote import RemoteOrchestratorBackend
from zenml.runtime.run import Run
from zenml.testing.orchestrator import RemoteOrchestratorConformance
from zenml_docker.backend import OrchestratorDockerBackend


class OnDocker(RemoteOrchestratorConformance):
    """What both have in common."""

    def preempt(self, backend: RemoteOrchestratorBackend, run: Run) -> None:
        import docker

        assert isinstance(backend, OrchestratorDockerBackend)
        client = docker.DockerClient(base_url=backend.engine, version="auto")
        client.api.kill(f"zenml-{run.id}", signal="SIGTERM")
        client.close()

    def bounded(self, backend: RemoteOrchestratorBackend, seconds: int) -> RemoteOrchestratorBackend | None:
        return backend.model_copy(update={"deadline_seconds": seconds})


class TestInTheDouble(OnDocker):
    @pytest.fixture
    def backend(self, in_double: Callable[..., OrchestratorDockerBackend], tmp_path: Path) -> OrchestratorDockerBackend:
        return in_double(mounts=[str(tmp_path)])


@pytest.mark.xdist_group("docker")
class TestInARealEngine(OnDocker):
    @pytest.fixture
    def backend(self, real: RealEngine, tmp_path: Path) -> OrchestratorDockerBackend:
        return real.backend(mounts=[str(tmp_path)])
