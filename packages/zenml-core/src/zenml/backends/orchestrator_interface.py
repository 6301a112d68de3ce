"""OrchestratorBackend: where a whole pipeline runs."""

from __future__ import annotations

from abc import abstractmethod

from zenml.backends.base import BaseBackend
from zenml.backends.launch import Launch


class OrchestratorBackend(BaseBackend):
    """Where a whole pipeline runs.

    For whatever runs in another process or machine, subclass `RemoteOrchestratorBackend`, which owns the flow.
    """

    BACKEND_TYPE = "orchestrator"

    @abstractmethod
    def run(self, launch: Launch, *, wait: bool = True) -> None:
        """Run the launch and see that its end is recorded in its metadata store.

        Args:
            launch: the checked pipeline, its stores and its id.
            wait: return only when the run has ended; a backend that works in this process always does.
        """
