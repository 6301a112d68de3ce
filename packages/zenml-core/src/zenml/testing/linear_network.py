"""LinearNetwork: a network trainer like those of the frameworks, in NumPy alone, for tests of what trains."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zenml.errors import DataError
from zenml.steps.trainer.batches import Arrays
from zenml.steps.trainer.bundle import Bundle
from zenml.steps.trainer.faults import memory_watched
from zenml.steps.trainer.feed_forward import FeedForwardTrainer, Layers
from zenml.steps.trainer.objective import Objective
from zenml.steps.trainer.prediction import LabelInfo, Prediction, Predictor
from zenml.steps.trainer.training import Training


class LinearNetwork(FeedForwardTrainer):
    """Trains one linear layer by gradient descent with momentum and noise.

    Args:
        fail_at: the epoch in which memory runs out.
        wrong_outputs: units of the layer, where they are to be wrong.
        epoch_seconds: how long each epoch takes at least, so that something can happen meanwhile.
    """

    FRAMEWORK = "numpy"

    fail_at: int = 0
    wrong_outputs: int = 0
    epoch_seconds: float = 0.0

    def fit(self, training: Training) -> Sequence[LabelInfo]:
        """Train the weights, and write them as a NumPy array."""
        objective = self.objective(training)
        layers = self.layers(training, objective)
        learner = Linear(training, objective, layers, self)
        objective.refuse_output(learner.predict(np.zeros((2, layers.inputs), np.float32)).shape, 2, training.name)
        with memory_watched(self.batch_size, training.name):
            self.plan(training, objective).run(learner)
        if training.placement.rank == 0:
            np.save(training.folder / "weights.npy", learner.weights)
            (training.folder / "loss.txt").write_text(objective.loss)
        return objective.labels

    @classmethod
    def load_bundle(cls, bundle: Bundle) -> Predictor:
        """Return what predicts by the weights."""
        weights = np.load(bundle.model_folder / "weights.npy")
        kind = Objective((bundle.model_folder / "loss.txt").read_text(), bundle.labels)
        last = {"binary": "sigmoid", "classes": "softmax", "numbers": "linear"}[kind.kind]

        def predict(features: npt.NDArray[np.float32]) -> Mapping[str, Prediction]:
            return kind.predictions(activated(features @ weights, last))

        return predict


@dataclass
class Linear:
    """The learner; see `Learner` for its methods."""

    training: Training
    objective: Objective
    layers: Layers
    trainer: LinearNetwork

    def __post_init__(self) -> None:
        outputs = self.trainer.wrong_outputs or self.layers.outputs
        self.weights = np.zeros((self.layers.inputs, outputs))
        self.speed = np.zeros_like(self.weights)

    def train(self, epoch: int, batches: Iterator[Arrays]) -> float:
        """Train an epoch."""
        if epoch == self.trainer.fail_at:
            raise MemoryError("cannot take 8 GiB")
        time.sleep(self.trainer.epoch_seconds)
        random = np.random.default_rng(self.training.epoch_seed(epoch))
        total = rows = 0.0
        for features, targets, *weights in batches:
            given = self.predict(features)
            wanted = np.eye(given.shape[1])[targets] if self.objective.kind == "classes" else targets
            error = given - wanted
            if weights:
                error = error * weights[0].reshape(len(error), -1)
            noise = random.normal(0, 0.01, self.weights.shape)
            self.speed = 0.9 * self.speed - self.trainer.lr * (features.T @ error / len(features) + noise)
            self.weights = self.weights + self.speed
            some, weight = self.objective.sums(given, (targets, *weights))
            total, rows = total + some, rows + weight
        return total / rows

    def predict(self, features: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the outputs."""
        return activated(features @ self.weights, self.layers.last_activation)

    def save(self, folder: Path) -> None:
        """Write weights and momentum."""
        np.save(folder / "weights.npy", self.weights)
        np.save(folder / "speed.npy", self.speed)

    def load(self, folder: Path) -> None:
        """Take up what `save` wrote."""
        self.weights, self.speed = np.load(folder / "weights.npy"), np.load(folder / "speed.npy")

    def save_weights(self, folder: Path) -> None:
        """Write the weights."""
        np.save(folder / "weights.npy", self.weights)

    def load_weights(self, folder: Path) -> None:
        """Take up what `save_weights` wrote."""
        self.weights = np.load(folder / "weights.npy")

    def agree(self, values: Sequence[float]) -> list[float]:
        """Return the values."""
        return list(values)


def activated(values: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    """Return what an activation makes of outputs."""
    if name == "sigmoid":
        return np.asarray(1 / (1 + np.exp(-values)))
    if name == "softmax":
        powers = np.exp(values - values.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))
    if name == "linear":
        return values
    raise DataError(f"no {name} here")


def kept_weights(bundle: Path) -> Any:
    """Return the weights in a bundle."""
    return np.load(bundle / "model" / "weights.npy")
