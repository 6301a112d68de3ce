"""A trainer of a linear network in NumPy, which is a network trainer like those of the frameworks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zenml.errors import DataError
from zenml.steps.trainer.batches import Arrays
from zenml.steps.trainer.bundle import Bundle
from zenml.steps.trainer.faults import memory_watched
from zenml.steps.trainer.feed_forward import FeedForwardTrainer, Layers
from zenml.steps.trainer.objective import Objective
from zenml.steps.trainer.prediction import LabelInfo, Prediction, Predictor
from zenml.steps.trainer.training import Training


class TinyNetwork(FeedForwardTrainer):
    """Trains one linear layer by gradient descent with momentum and noise.

    Args:
        fail_at: the epoch in which memory runs out.
        outputs: units of the layer, where they are to be wrong.
    """

    FRAMEWORK = "numpy"

    fail_at: int = 0
    wrong_outputs: int = 0

    def fit(self, training: Training) -> Sequence[LabelInfo]:
        objective = self.objective(training)
        layers = self.layers(training, objective)
        learner = Linear(training, objective, layers, self)
        objective.refuse_output(learner.predict(np.zeros((2, layers.inputs), np.float32)).shape, 2, training.name)
        with memory_watched(self.batch_size, training.name):
            self.plan(training, objective).run(learner)
        if training.placement.rank == 0:
            np.save(training.folder / "weights.npy", learner.weights)
        return objective.labels

    @classmethod
    def load_bundle(cls, bundle: Bundle) -> Predictor:
        weights = np.load(bundle.model_folder / "weights.npy")
        kind = Objective(str(bundle.parameters["loss"]), bundle.labels)
        last = {"binary": "sigmoid", "classes": "softmax", "numbers": "linear"}[kind.kind]

        def predict(features: np.ndarray) -> Mapping[str, Prediction]:
            return kind.predictions(activated(features @ weights, last))

        return predict


@dataclass
class Linear:
    """The learner."""

    training: Training
    objective: Objective
    layers: Layers
    trainer: TinyNetwork

    def __post_init__(self) -> None:
        outputs = self.trainer.wrong_outputs or self.layers.outputs
        self.weights = np.zeros((self.layers.inputs, outputs))
        self.speed = np.zeros_like(self.weights)

    def train(self, epoch: int, batches: Iterator[Arrays]) -> float:
        if epoch == self.trainer.fail_at:
            raise MemoryError("cannot take 8 GiB")
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

    def predict(self, features: np.ndarray) -> np.ndarray:
        return activated(features @ self.weights, self.layers.last_activation)

    def save(self, folder: Path) -> None:
        np.save(folder / "weights.npy", self.weights)
        np.save(folder / "speed.npy", self.speed)

    def load(self, folder: Path) -> None:
        self.weights, self.speed = np.load(folder / "weights.npy"), np.load(folder / "speed.npy")

    def save_weights(self, folder: Path) -> None:
        np.save(folder / "weights.npy", self.weights)

    def load_weights(self, folder: Path) -> None:
        self.weights = np.load(folder / "weights.npy")

    def agree(self, values: Sequence[float]) -> list[float]:
        return list(values)


def activated(values: np.ndarray, name: str) -> np.ndarray:
    if name == "sigmoid":
        return 1 / (1 + np.exp(-values))
    if name == "softmax":
        powers = np.exp(values - values.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)
    if name == "linear":
        return values
    raise DataError(f"no {name} here")


def kept_weights(bundle: Path) -> Any:
    return np.load(bundle / "model" / "weights.npy")
