"""TrainingBaseBackend: trains in this process."""

from __future__ import annotations

from collections.abc import Callable

from zenml.backends.interfaces import TrainingBackend


class TrainingBaseBackend(TrainingBackend):
    """Run the trainer step in the process that runs the pipeline; the default."""

    def train(self, train: Callable[[], None]) -> None:
        """Call `train` here."""
        train()
