"""Trainers of a user's own; imported by the tests, and by processes that they start."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zenml.steps.trainer.batches import Arrays
from zenml_pytorch import TorchBaseTrainerStep


class OwnModel(TorchBaseTrainerStep):
    """A network with batch normalisation.

    Args:
        width: units of the hidden layer.
        off: how many numbers too many the network gives, and takes.
        kind: what `model_fn` returns.
    """

    width: int = 8
    off: int = 0
    taken: int = 0
    kind: str = "network"

    def model_fn(self, inputs: int, outputs: int) -> Any:
        from torch import nn

        if self.kind != "network":
            return self.kind
        return nn.Sequential(
            nn.Linear(inputs + self.taken, self.width),
            nn.BatchNorm1d(self.width),
            nn.Tanh(),
            nn.Linear(self.width, outputs + self.off),
        )


class OwnLoop(OwnModel):
    """The same with a loop that counts its batches in the loss, and an optimizer of its own."""

    def optimizer_fn(self, parameters: Any, device: Any) -> Any:
        import torch

        return torch.optim.SGD(parameters, lr=self.lr, momentum=0.9)

    def train_epoch(self, learner: Any, epoch: int, batches: Iterator[Arrays]) -> float:
        count = 0
        for features, targets in batches:
            loss = learner.loss(learner.given(learner.tensor(features)), learner.tensor(targets))
            learner.step(loss + 0.001 * sum(weight.abs().sum() for weight in learner.network.parameters()))
            count += 1
        return float(count)


class DiesOnce(OwnModel):
    """A process of it is killed in the third epoch, as when a machine kills it, unless a file says that it was.

    Args:
        mark: the file.
        lives: how often it dies.
    """

    mark: str = ""
    lives: int = 1

    def train_epoch(self, learner: Any, epoch: int, batches: Iterator[Arrays]) -> float:
        place = learner.training.placement
        if epoch == 3 and place.rank == place.world - 1:
            died = Path(self.mark).read_text() if Path(self.mark).exists() else ""
            if len(died) < self.lives:
                Path(self.mark).write_text(died + "x")
                os.kill(os.getpid(), signal.SIGKILL)
        return learner.take_steps(batches)
