"""EpochTrainer: the arguments and checks that trainers which learn epoch by epoch share, whatever framework."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from zenml.errors import ConfigError, Problem, closest
from zenml.steps.base import Inputs
from zenml.steps.trainer.base import Trainer
from zenml.steps.trainer.early_stopping import EarlyStopping
from zenml.steps.trainer.epochs import Epochs
from zenml.steps.trainer.names import LOSSES, ClassWeights, class_weight_problems, metric_problems, unknown
from zenml.steps.trainer.objective import Objective, find_objective
from zenml.steps.trainer.training import Training


class EpochTrainer(Trainer):
    """Base of the trainers that learn epoch by epoch; a framework's package implements `fit` and `load_bundle`.

    Args:
        batch_size: rows that are learned from together; where several processes train together, over all of them.
        epochs: how often to go over the data, at most.
        loss: `binary_crossentropy` (labels of two classes each), `categorical_crossentropy` (one label of several
            classes), `mse`, `mae` or `huber` (numbers); by default the one that fits the labels.
        metrics: what to measure on the split `eval` after each epoch, by the names of evaluators.
        class_weight: how much rows count by their class, such as `{"yes": 3}`, or `balanced`.
        early_stopping_patience: stop after so many epochs without a better value; None trains all epochs.
        early_stopping_min_delta: how much better counts as better.
        early_stopping_monitor: the value to watch; by default `eval_loss`, without a split `eval` `loss`.
        restore_best: with early stopping, end with the weights of the best epoch instead of the last one.
        checkpoint_every: after how many epochs to save a checkpoint, though less often where that would take more than
            a hundredth of the time.
        threads: see `Trainer`.
    """

    batch_size: int = Field(default=32, ge=1)
    epochs: int = Field(default=10, ge=1)
    loss: str | None = None
    metrics: list[str] = Field(default_factory=list)
    class_weight: ClassWeights = None
    early_stopping_patience: int | None = Field(default=None, ge=1)
    early_stopping_min_delta: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    early_stopping_monitor: str | None = None
    restore_best: bool = True
    checkpoint_every: int = Field(default=1, ge=1)

    def check(self, inputs: Inputs) -> Iterable[Problem]:
        """Find unknown names, with the closest that are known."""
        yield from super().check(inputs)
        yield from self.name_problems()

    def name_problems(self) -> Iterable[Problem]:
        """Find what is wrong with the fields alone."""
        where = type(self).__name__
        if self.loss is not None:
            yield from unknown(self.loss, LOSSES, "loss", f"{where}.loss")
        yield from metric_problems(self.metrics, where)
        yield from class_weight_problems(self.class_weight, where)
        watched = self.early_stopping_monitor
        measured = ["loss", "eval_loss", *(f"eval_{name}" for name in self.metrics)]
        if watched is not None and watched not in measured and "/" not in watched:
            mend = closest(watched, measured) or f"There are: {', '.join(measured)}"
            yield Problem(f"{watched!r} is not recorded of an epoch", f"{where}.early_stopping_monitor", mend)

    def objective(self, training: Training) -> Objective:
        """Return what to train towards, after a look at the labels.

        Raises:
            ConfigError, DataError: all that is wrong with the names, or the labels.
        """
        wrong = list(self.name_problems())
        if wrong:
            raise ConfigError(wrong)
        return find_objective(training, self.loss, self.class_weight)

    def plan(self, training: Training, objective: Objective) -> Epochs:
        """Return how to go about the epochs; `run(learner)` then trains."""
        usual = "eval_loss" if training.eval is not None else "loss"
        watched = self.early_stopping_monitor or usual
        stopping = EarlyStopping(watched, self.early_stopping_patience, self.early_stopping_min_delta)
        return Epochs(
            training,
            objective,
            self.batch_size,
            self.epochs,
            metrics=self.metrics,
            checkpoint_every=self.checkpoint_every,
            stopping=stopping,
            restore_best=self.restore_best and self.early_stopping_patience is not None,
        )
