"""OrchestratorBaseBackend: runs the pipeline in this process."""

from __future__ import annotations

from zenml.backends.launch import Launch
from zenml.backends.orchestrator_interface import OrchestratorBackend


class OrchestratorBaseBackend(OrchestratorBackend):
    """Run all steps here, one after the other; the default."""

    def run(self, launch: Launch, *, wait: bool = True) -> None:
        """Run the launch to its end, whether or not the caller would wait."""
        launch.run_here()
