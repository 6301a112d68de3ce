"""NetworkTrainer: the arguments and checks that trainers of neural networks have in common, whatever framework."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from zenml.errors import Problem
from zenml.steps.trainer.epoch_trainer import EpochTrainer
from zenml.steps.trainer.names import OPTIMIZERS, unknown


class NetworkTrainer(EpochTrainer):
    """Base of the trainers of neural networks; a framework's package implements `fit` and `load_bundle`.

    Args:
        batch_size: rows of a step of the optimizer; where several processes train together, over all of them.
        lr: learning rate of the optimizer.
        optimizer: `adam`, `adamw`, `nadam`, `sgd`, `rmsprop` or `adagrad`.
        epochs, loss, metrics, class_weight: see `EpochTrainer`, as for all that is not named here.
    """

    lr: float = Field(default=0.001, gt=0, allow_inf_nan=False)
    optimizer: str = "adam"

    def name_problems(self) -> Iterable[Problem]:
        """Find what is wrong with the fields alone."""
        yield from super().name_problems()
        yield from unknown(self.optimizer, OPTIMIZERS, "optimizer", f"{type(self).__name__}.optimizer")
