"""Training: what a trainer is given to train on."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from zenml.backends.placement import Placement
from zenml.steps.base import Reporter
from zenml.steps.trainer.checkpoints import Checkpoints
from zenml.steps.trainer.history import History

if TYPE_CHECKING:
    from zenml.data.transforms import Transform
    from zenml.steps.trainer.reader import SplitReader


@dataclass(frozen=True)
class Training:
    """One training: its data and where the result goes.

    A trainer that learns epoch by epoch calls `record_epoch` after each and `checkpoints.save` after some; before the
    first it asks `checkpoints.latest()` whether it goes on. That a resumed training gives the same model as one that
    nothing disturbed takes three things: the checkpoint holds weights and the state of the optimizer; rows come from
    `train.batch_view(…, seed=training.seed)`, whose order follows from seed and epoch; and whatever else is random in
    an epoch is drawn from a generator that `epoch_seed` seeds when the epoch begins. `zenml.steps.trainer.epochs` does
    all of this for whoever has no loop of his own.

    Args:
        train: the split to fit on.
        eval: the split to watch while fitting, where the data have one; never to fit on.
        transform: the fitted transform that made the data; knows the labels and their values.
        seed: the seed for whatever is random.
        folder: an empty folder for the framework's own files.
        report: messages and progress.
        metrics: numbers to record with the step, such as the training loss.
        checkpoints: what was learned so far, kept across a kill, a preemption and a resumed run.
        scratch: a folder for files that nobody needs afterwards.
        placement: on what to train, and as which of how many processes.
        name: the trainer's class, for messages.
    """

    train: SplitReader
    eval: SplitReader | None
    transform: Transform
    seed: int
    folder: Path
    report: Reporter
    metrics: dict[str, float]
    checkpoints: Checkpoints
    scratch: Path
    placement: Placement = field(default_factory=Placement)
    name: str = "the trainer"

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels to learn."""
        return self.train.labels

    @property
    def history(self) -> History:
        """The epochs that were recorded."""
        return self.checkpoints.history

    def epoch_seed(self, epoch: int) -> int:
        """Return the seed for whatever is random in an epoch, below 2**31, the same whenever the epoch begins."""
        text = f"{self.seed}/{epoch}/{self.placement.rank}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1

    def record_epoch(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Record an epoch: shown live, kept with the run, and drawn as the learning curve.

        Args:
            epoch: its number, from 1.
            metrics: by name; `loss` is that of the rows trained on, and the names of what was measured on the split
                `eval` begin with `eval_`.

        Raises:
            DataError: the loss is not a finite number; names the epoch and the likely features.
        """
        if self.placement.rank == 0:
            row = self.history.add(epoch, metrics)
            self.metrics.update({name: value for name, value in row.items() if value is not None})
            told = ", ".join(f"{name} {value:.4g}" for name, value in metrics.items())
            self.report.log(f"epoch {epoch}: {told}")
        if not math.isfinite(metrics.get("loss", 0.0)):
            from zenml.steps.trainer.faults import loss_is_no_number

            raise loss_is_no_number(epoch, self.train, self.name)
