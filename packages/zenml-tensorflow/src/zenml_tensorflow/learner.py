"""KerasLearner: a Keras model in the loop over epochs that the trainers of all frameworks share."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zenml.steps.trainer.batches import Arrays
from zenml.steps.trainer.training import Training
from zenml_tensorflow.callbacks import Callbacks
from zenml_tensorflow.dataset import batched
from zenml_tensorflow.forward import forward
from zenml_tensorflow.heads import Heads
from zenml_tensorflow.variables import load_variables, save_variables

_LOOK_EVERY = 50
"""After how many calls of the train function to look whether the loss is still a number."""


class KerasLearner:
    """A compiled Keras model; see `zenml.steps.trainer.epochs.Learner` for what its methods promise.

    Args:
        model: the model.
        heads: how its outputs belong to the labels.
        training: the training.
        batch_size: rows of a step of the optimizer.
        callbacks: Keras callbacks to call.
    """

    def __init__(
        self,
        model: Any,
        heads: Heads,
        training: Training,
        batch_size: int,
        callbacks: Sequence[Any] = (),
    ) -> None:
        self._model = model
        self._heads = heads
        self._training = training
        self._batch_size = batch_size
        self._callbacks = Callbacks(callbacks, model, training)
        self._forward = forward(model)
        self._batches: Iterator[Arrays] = iter(())
        self._dataset: Any = None
        self._failures: list[BaseException] = []

    def train(self, epoch: int, batches: Iterator[Arrays]) -> float:
        """Take a step of the optimizer for each batch; return the mean loss."""
        import tensorflow as tf

        self._callbacks.begin(epoch)
        self._feed(batches)
        self._model.make_train_function()
        self._model.reset_metrics()
        step, logs, rows = self._model.train_function, {}, iter(self._dataset)
        for number in itertools.count():
            try:
                self._callbacks.begin_batch(number)
                logs = step(rows)
            except (StopIteration, tf.errors.OutOfRangeError):
                break
            except tf.errors.OpError:
                if self._failures:
                    raise self._failures.pop() from None
                raise
            self._callbacks.end_batch(number, logs)
            if number % _LOOK_EVERY == 0 and not np.isfinite(_loss(logs)):
                break
        return _loss(logs)

    def predict(self, features: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        """Return the outputs, (rows, outputs), as in use: without dropout."""
        return self._heads.joined(self._forward(features))

    def save(self, folder: Path) -> None:
        """Write weights, the states of what is random in layers, and the optimizer's state."""
        save_variables(self._model.variables, folder / "model.npz")
        save_variables(self._optimizer, folder / "optimizer.npz")

    def load(self, folder: Path) -> None:
        """Take up what `save` wrote; callbacks are first told of the epochs that were."""
        self._callbacks.replay()
        load_variables(self._model.variables, folder / "model.npz", self._training.name)
        load_variables(self._optimizer, folder / "optimizer.npz", self._training.name)

    def save_weights(self, folder: Path) -> None:
        """Write the weights."""
        save_variables(self._model.weights, folder / "weights.npz")

    def load_weights(self, folder: Path) -> None:
        """Take up what `save_weights` wrote."""
        load_variables(self._model.weights, folder / "weights.npz", self._training.name)

    def agree(self, values: Sequence[float]) -> list[float]:
        """Return the values: one process trains."""
        return list(values)

    def asked_to_stop(self) -> bool:
        """Say whether a callback asks to train no further epoch."""
        self._callbacks.end()
        return bool(self._model.stop_training)

    def close(self) -> None:
        """Tell callbacks that the training is over."""
        self._callbacks.close()

    @property
    def _optimizer(self) -> Sequence[Any]:
        optimizer = self._model.optimizer
        if not optimizer.built:
            optimizer.build(self._model.trainable_variables)
        variables: Sequence[Any] = optimizer.variables
        return variables

    def _feed(self, batches: Iterator[Arrays]) -> None:
        if self._dataset is None:
            first = next(batches)
            batches = itertools.chain([first], batches)
            self._dataset, self._failures = batched(lambda: self._batches, first, self._batch_size, self._heads.fit)
        self._batches = batches


def _loss(logs: Any) -> float:
    return float(logs["loss"]) if "loss" in logs else float("nan")
