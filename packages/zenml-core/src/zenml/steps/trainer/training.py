"""Training: what a trainer is given to train on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zenml.steps.base import Reporter

if TYPE_CHECKING:
    from zenml.data.transforms import Transform
    from zenml.steps.trainer.reader import SplitReader


@dataclass(frozen=True)
class Training:
    """One training: its data and where the result goes.

    Args:
        train: the split to fit on.
        eval: the split to watch while fitting, where the data have one; never to fit on.
        transform: the fitted transform that made the data; knows the labels and their values.
        seed: the seed for whatever is random.
        folder: an empty folder for the framework's own files.
        report: messages and progress.
        metrics: numbers to record with the step, such as the training loss.
    """

    train: SplitReader
    eval: SplitReader | None
    transform: Transform
    seed: int
    folder: Path
    report: Reporter
    metrics: dict[str, float]

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels to learn."""
        return self.train.labels
