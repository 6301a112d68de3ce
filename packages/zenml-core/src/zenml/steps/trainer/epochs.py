"""The loop over epochs that every network trainer shares: resume, train, measure, record, checkpoint, stop early.

A framework gives a `Learner`; all that should be the same in every framework is here.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from zenml.data.metrics.outcomes import Outcomes
from zenml.steps.trainer.batches import Arrays
from zenml.steps.trainer.early_stopping import EarlyStopping
from zenml.steps.trainer.faults import loss_is_no_number
from zenml.steps.trainer.measuring import measure, truth_of
from zenml.steps.trainer.objective import Objective
from zenml.steps.trainer.training import Training

CHECKPOINT_SHARE = 0.01
"""Saving checkpoints takes no more of the time of a training than this, after the first one."""

_EVAL_ROWS = 8192
_STATE, _BEST = "state", "best"


class Learner(Protocol):
    """A network and its optimizer; what a framework implements."""

    def train(self, epoch: int, batches: Iterator[Arrays]) -> float:
        """Take a step of the optimizer for each batch of (features, targets[, weights]); return the mean loss.

        What is random in it is drawn after seeding with `Training.epoch_seed(epoch)`. It may stop early once the loss
        is not a finite number, and then returns that.
        """

    def predict(self, features: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        """Return the outputs after the last activation, (rows, outputs), as in use: without dropout."""

    def save(self, folder: Path) -> None:
        """Write weights and the optimizer's state into an empty folder."""

    def load(self, folder: Path) -> None:
        """Take up what `save` wrote, so that training goes on exactly from there."""

    def save_weights(self, folder: Path) -> None:
        """Write the weights alone into an empty folder."""

    def load_weights(self, folder: Path) -> None:
        """Take up what `save_weights` wrote."""

    def agree(self, values: Sequence[float]) -> list[float]:
        """Return the values that process 0 has, in each of the processes that train together."""


@dataclass(frozen=True)
class Epochs:
    """How to go about the epochs of a training.

    Args:
        training: the training.
        objective: what the network is trained towards.
        batch_size: rows of a step of the optimizer, over all processes.
        epochs: how many.
        metrics: names of what to measure on the split `eval` after each.
        checkpoint_every: after how many epochs to save a checkpoint.
        stopping: when to stop before that.
        restore_best: whether the model is in the end what it was after its best epoch.
    """

    training: Training
    objective: Objective
    batch_size: int
    epochs: int
    metrics: Sequence[str] = ()
    checkpoint_every: int = 1
    stopping: EarlyStopping = field(default_factory=lambda: EarlyStopping("eval_loss"))
    restore_best: bool = False

    def run(self, learner: Learner) -> None:
        """Train, from the last checkpoint where there is one.

        Raises:
            ConfigError: the checkpoint is of another training.
            DataError: the loss of an epoch is not a finite number.
        """
        training, place = self.training, self.training.placement
        first = self._resume(learner) + 1
        view = training.train.batch_view(
            self.batch_size, seed=training.seed, prepare=self.objective.arrays, rank=place.rank, world=place.world
        )
        due = 0.0
        with training.report.progress("epochs", self.epochs) as advance:
            advance(first - 1)
            for epoch in range(first, self.epochs + 1):
                if self.stopping.stop:
                    break
                loss = learner.train(epoch, view.epoch(epoch))
                self._record(epoch, loss, learner)
                advance(1)
                began = time.monotonic()
                if epoch % self.checkpoint_every == 0 and epoch < self.epochs and began >= due:
                    training.checkpoints.save(epoch, lambda folder: self._save(learner, folder))
                    saved = time.monotonic()
                    due = saved + (saved - began) / CHECKPOINT_SHARE
        self._settle(learner)

    def _resume(self, learner: Learner) -> int:
        found = self.training.checkpoints.latest()
        if found is None:
            return 0
        learner.load(found.path / _STATE)
        if (found.path / _BEST).exists() and self.training.placement.rank == 0:
            shutil.copytree(found.path / _BEST, self._best, dirs_exist_ok=True)
        self.stopping.replay(self.training.history.epochs)
        self.training.report.log(f"going on after epoch {found.step}, from a checkpoint")
        return found.step

    def _record(self, epoch: int, loss: float, learner: Learner) -> None:
        training = self.training
        row = {"loss": loss}
        writes = training.placement.rank == 0
        if not math.isfinite(loss):
            if writes:
                training.record_epoch(epoch, row)
            raise loss_is_no_number(epoch, training.train, training.name)
        if writes:
            row |= self._measure(learner)
            training.record_epoch(epoch, row)
        shared = learner.agree([row.get(self.stopping.monitor, math.nan)])[0]
        is_best = self.stopping.see({"epoch": epoch, self.stopping.monitor: shared if math.isfinite(shared) else None})
        if is_best and writes and self._keeps_best:
            shutil.rmtree(self._best, ignore_errors=True)
            self._best.mkdir(parents=True)
            learner.save_weights(self._best)

    @property
    def _best(self) -> Path:
        return self.training.scratch / "best-weights"

    @property
    def _keeps_best(self) -> bool:
        return self.restore_best

    def _save(self, learner: Learner, folder: Path) -> None:
        (folder / _STATE).mkdir()
        learner.save(folder / _STATE)
        if self._best.exists():
            shutil.copytree(self._best, folder / _BEST)

    def _settle(self, learner: Learner) -> None:
        """Take the best weights, and record what goes with the weights that are taken."""
        training, rows = self.training, self.training.history.epochs
        if training.placement.rank or not rows:
            return
        taken = rows[-1]
        if self._keeps_best and self.stopping.best_epoch and self._best.exists():
            learner.load_weights(self._best)
            taken = next(row for row in rows if row["epoch"] == self.stopping.best_epoch)
        training.metrics.update({name: value for name, value in taken.items() if value is not None})

    def _measure(self, learner: Learner) -> dict[str, float]:
        """Return the loss and the metrics on the split `eval`, under their names with `eval_`."""
        reader = self.training.eval
        if reader is None:
            return {}
        view = reader.batch_view(_EVAL_ROWS, prepare=self._with_labels)
        total = weight = 0.0
        parts: dict[str, list[Outcomes]] = {label.name: [] for label in self.objective.labels}
        for batch in view.epoch():
            outputs = learner.predict(batch[0])
            some, weights = self.objective.sums(outputs, batch[1 : self._width])
            total, weight = total + some, weight + weights
            if self.metrics:
                truths = batch[self._width :]
                for (name, prediction), truth in zip(self.objective.predictions(outputs).items(), truths, strict=True):
                    parts[name].append(Outcomes(truth, prediction.values, prediction.scores))
        found = {"eval_loss": total / weight} if weight else {}
        for label, outcomes in parts.items():
            if outcomes:
                found |= self._metrics_of(label, Outcomes.join(outcomes))
        return found

    @property
    def _width(self) -> int:
        return 3 if self.objective.weighed else 2

    def _with_labels(self, features: npt.NDArray[np.float32], labels: Mapping[str, npt.NDArray[Any]]) -> Arrays:
        """Return what the objective makes of rows, then the truth of each label: a class's position, or a number."""
        made = self.objective.arrays(features, dict(labels))
        truths = [truth_of(label, labels[label.name]) for label in self.objective.labels]
        return (*made, *truths)

    def _metrics_of(self, label: str, outcomes: Outcomes) -> dict[str, float]:
        prefix = "eval_" if len(self.objective.labels) == 1 else f"eval_{label}/"
        return {prefix + name: value for name, value in measure(self.metrics, outcomes).items()}
