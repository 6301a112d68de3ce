"""What a framework gives to be measured: an epoch of ours, and the bare ones that it is held against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.training_data import LABEL
from zenml.backends.placement import Placement
from zenml.steps.trainer.batches import BatchView
from zenml.steps.trainer.objective import Objective
from zenml.steps.trainer.prediction import LabelInfo
from zenml.steps.trainer.reader import SplitReader

Work = Callable[[], None]

OBJECTIVE = Objective("binary_crossentropy", (LabelInfo(LABEL, "classification", (0, 1), (0, 1)),))


@dataclass(frozen=True)
class Bare:
    """A usual way in the bare framework, twice, with a network of its own each.

    Args:
        works: an epoch, or the first part of one.
        share: how much of an epoch that is.
    """

    works: tuple[Work, Work]
    share: float = 1.0


@dataclass(frozen=True)
class Loops:
    """Epochs of one batch size.

    Args:
        ours: by the trainer's own loop.
        bare: by what it is held against.
    """

    ours: Work
    bare: dict[str, Bare]


@dataclass(frozen=True)
class Firsts:
    """Reading until the first batch is there, from files that the operating system has in memory.

    Args:
        ours: from the split's files.
        bare: by the bare framework's loader, from `.npy` files.
    """

    ours: Work
    bare: Work


class Bench:
    """What of a training the learners use."""

    placement = Placement()
    name = "the benchmark"

    class history:  # noqa: N801 - an attribute of a training, that has one of its own
        """The epochs that were: none."""

        epochs: tuple[()] = ()

    def epoch_seed(self, epoch: int) -> int:
        """Return the seed of an epoch."""
        return epoch


def view_of(folder: Path, size: int) -> BatchView:
    """Return the batches of the split `train` in a folder, as a trainer reads them."""
    reader = SplitReader(folder / "train", [LABEL])
    return reader.batch_view(size, seed=1, prepare=OBJECTIVE.arrays)
