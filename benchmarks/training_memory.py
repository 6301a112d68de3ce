"""A process that trains once: `python -m benchmarks.training_memory FRAMEWORK FOLDER EPOCHS`; 0 epochs only import.

The trainer does all that it does in a pipeline: it looks at the labels, trains on the split `train`, measures on the
split `eval`, writes a checkpoint after each epoch but the last, and the model. The process prints the most memory that
it held, in megabytes, pages of memory-mapped files included.
"""

from __future__ import annotations

import resource
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from benchmarks.training_data import LABEL, WIDTH
from zenml.artifacts.store import ArtifactStore
from zenml.steps import trainer as trainers
from zenml.steps.trainer.checkpoints import Checkpoints
from zenml.steps.trainer.reader import SplitReader
from zenml.steps.trainer.training import Training

TRAINERS = {"torch": "TorchFeedForwardTrainer", "tensorflow": "TFFeedForwardTrainer"}


def main() -> None:
    """Train."""
    framework, name, epochs = sys.argv[1:]
    __import__(framework)
    if int(epochs):
        with tempfile.TemporaryDirectory() as scratch:
            _train(framework, Path(name), int(epochs), Path(scratch))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)


class _Transform:
    """What of a fitted transform a trainer asks for."""

    labels: ClassVar = {LABEL: "integer"}

    def label_values(self, label: str) -> None:
        """Return that the label is a number."""


class _Silent:
    """Takes messages and progress, and shows nothing."""

    def log(self, message: str) -> None:
        """Say nothing."""

    warn = log

    @contextmanager
    def progress(self, label: str, total: float) -> Iterator[Callable[[float], None]]:
        """Show nothing."""
        yield lambda _: None


def _train(framework: str, data: Path, epochs: int, scratch: Path) -> None:
    folder = scratch / "model"
    folder.mkdir()
    training: Any = Training(
        train=SplitReader(data / "train", [LABEL]),
        eval=SplitReader(data / "eval", [LABEL]),
        transform=_Transform(),  # type: ignore[arg-type] # a trainer asks for no more of it
        seed=1729,
        folder=folder,
        report=_Silent(),
        metrics={},
        checkpoints=Checkpoints(ArtifactStore(str(scratch / "store")), "run.trainer"),
        scratch=scratch,
    )
    assert training.train.width == WIDTH
    kind = getattr(trainers, TRAINERS[framework])
    kind(batch_size=8192, epochs=epochs, lr=0.001, hidden_layers=[64, 32]).fit(training)


if __name__ == "__main__":
    main()
