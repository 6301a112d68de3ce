from __future__ import annotations

from pathlib import Path

import pytest

from zenml.backends.orchestrator import OrchestratorBaseBackend, OrchestratorSubprocessBackend
from zenml.backends.orchestrator_interface import OrchestratorBackend
from zenml.runtime.remote import RemoteOrchestratorBackend
from zenml.testing.orchestrator import OrchestratorConformance, RemoteOrchestratorConformance, pipeline


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


class TestFreshEnvironment:
    repository = OrchestratorConformance.repository

    def test_a_run_needs_nothing_but_what_it_says(
        self, repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        """The environment is made from the package index, and made once."""
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "fresh"))
        backend = OrchestratorSubprocessBackend(fresh_environment=True)
        first = pipeline().run(backend=backend)
        again = pipeline().run(backend=backend)
        assert first.state == "COMPLETE"
        assert {step.state for step in again.steps.values()} == {"CACHED"}
        (environment,) = (tmp_path_factory.getbasetemp() / "fresh/zenml/environments").iterdir()
        names = {path.name.partition("-")[0] for path in environment.glob("lib/*/site-packages/*.dist-info")}
        assert "zenml_core" in names
        assert not {"pytest", "zenml_sklearn", "zenml_beam"} & names
