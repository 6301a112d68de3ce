"""Keras callbacks, called as `Model.fit` calls them, also where a training goes on from a checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zenml.steps.trainer.early_stopping import EarlyStopping
from zenml.steps.trainer.history import Epoch
from zenml.steps.trainer.training import Training
from zenml_tensorflow.logs import EVAL

if TYPE_CHECKING:
    from zenml_tensorflow.learner import KerasLearner


class Callbacks:
    """The callbacks of one training.

    An epoch ends for them when the next one is about to begin: by then what was measured after it is recorded, and a
    checkpoint that was saved in between knows nothing of what they did, so that a resumed training does it again.

    Args:
        callbacks: Keras callbacks.
        model: the model they are given.
        training: whose history they are told.
    """

    def __init__(self, callbacks: Sequence[Any], model: Any, training: Training) -> None:
        import keras

        base = keras.callbacks.Callback
        self._model = model
        self._training = training
        self._list = keras.callbacks.CallbackList(callbacks, model=model) if callbacks else None
        self._batchwise = any(
            type(callback).on_train_batch_begin is not base.on_train_batch_begin
            or type(callback).on_train_batch_end is not base.on_train_batch_end
            or type(callback).on_batch_end is not base.on_batch_end
            for callback in callbacks
        )
        self._begun = False
        self._open = 0
        model.stop_training = False

    def replay(self) -> None:
        """Tell the callbacks of the epochs before a checkpoint: what they count, they count from the beginning."""
        for row in self._training.history.epochs:
            self.begin(int(row["epoch"] or 0))

    def begin(self, epoch: int) -> None:
        """Begin an epoch, after ending the one before."""
        self.end()
        if self._list is None:
            return
        if not self._begun:
            self._begun = True
            self._list.on_train_begin()
        self._list.on_epoch_begin(epoch - 1)
        self._open = epoch

    def begin_batch(self, number: int) -> None:
        """Begin a call of the train function."""
        if self._list is not None and self._batchwise:
            self._list.on_train_batch_begin(number)

    def end_batch(self, number: int, logs: Any) -> None:
        """End it."""
        if self._list is not None and self._batchwise:
            self._list.on_train_batch_end(number, {name: float(value) for name, value in logs.items()})

    def end(self) -> None:
        """End the epoch that was begun, with what was recorded of it."""
        if self._list is None or not self._open:
            return
        row: Epoch = next((row for row in self._training.history.epochs if row["epoch"] == self._open), {})
        self._list.on_epoch_end(self._open - 1, _logs(row))
        self._open = 0

    def close(self) -> None:
        """End the training."""
        self.end()
        if self._list is not None and self._begun:
            self._list.on_train_end()


def _logs(row: Epoch) -> dict[str, float]:
    """Return what was recorded of an epoch, under Keras' names (`val_loss`) too."""
    logs = {name: value for name, value in row.items() if name != "epoch" and value is not None}
    return logs | {f"val_{name[len(EVAL) :]}": value for name, value in logs.items() if name.startswith(EVAL)}


@dataclass
class CallbackStopping(EarlyStopping):
    """Early stopping that also stops where a callback asks for it."""

    learner: KerasLearner | None = None

    @property
    def stop(self) -> bool:
        """Whether to stop now."""
        asked = self.learner is not None and self.learner.asked_to_stop()
        return asked or super().stop
