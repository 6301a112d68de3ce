"""OrchestratorBaseBackend: runs the pipeline in this process."""

from __future__ import annotations

from pydantic import Field

from zenml.backends.launch import Launch
from zenml.backends.orchestrator_interface import OrchestratorBackend


class OrchestratorBaseBackend(OrchestratorBackend):
    """Run all steps here; the default.

    Args:
        parallel_steps: how many steps that do not depend on one another may run side by side. Each then has a process
            of its own, so that it costs half a second more and needs classes that can be imported; a step that has
            none beside it runs in this process.
    """

    parallel_steps: int = Field(default=1, ge=1, le=64)

    def run(self, launch: Launch, *, wait: bool = True) -> None:
        """Run the launch to its end, whether or not the caller would wait."""
        launch.run_here(self.parallel_steps)
