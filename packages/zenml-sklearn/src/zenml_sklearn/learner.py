"""SklearnLearner: an estimator per label, as the loop over epochs uses them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zenml.steps.trainer.batches import Arrays
from zenml.steps.trainer.objective import Objective
from zenml.steps.trainer.prediction import LabelInfo
from zenml.steps.trainer.training import Training
from zenml_sklearn.fitting import told
from zenml_sklearn.persistence import load, save

_LARGEST = 500.0
"""The exponential of a larger score is no number."""


class SklearnLearner:
    """An estimator per label, and the transformers before all of them, which are fitted once, before the first epoch.

    Args:
        training: the training.
        objective: what the loss of an epoch is.
        estimators: one per label, not fitted.
        steps: names and transformers, not fitted.
        own: classes of the user's own that may be in them, `module:Class`.
        place: the trainer and the estimator, for messages.
    """

    def __init__(
        self,
        training: Training,
        objective: Objective,
        estimators: Sequence[Any],
        steps: Sequence[tuple[str, Any]],
        own: frozenset[str],
        place: str,
    ) -> None:
        self.training, self.objective = training, objective
        self.estimators, self.steps = list(estimators), list(steps)
        self.own, self.place = own, place
        self.is_begun = False
        self._told: set[str] = set()

    def train(self, epoch: int, batches: Iterator[Arrays]) -> float:
        """Learn for an epoch, and return the mean loss over the training rows."""
        with told(self.training.report, self.place, self._told):
            if not self.is_begun:
                self.begin()
                self.is_begun = True
            return self.learn(epoch, batches)

    @abstractmethod
    def begin(self) -> None:
        """Fit the transformers, before the first epoch of all."""

    @abstractmethod
    def learn(self, epoch: int, batches: Iterator[Arrays]) -> float:
        """Let the estimators learn for an epoch, and return the mean loss over the training rows."""

    def predict(self, features: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        """Return a number per label, or per class: chances, and of a regression what is foretold."""
        with told(self.training.report, self.place, self._told):
            return self.outputs(self.transformed(features))

    def outputs(self, features: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the same of features that the transformers have seen."""
        pairs = zip(self.objective.labels, self.estimators, strict=True)
        columns = [_output(label, estimator, features) for label, estimator in pairs]
        if self.objective.kind == "classes":
            return columns[0]
        return np.column_stack([column[:, -1] for column in columns])

    def transformed(self, features: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return features as the estimators take them."""
        for _, step in self.steps:
            features = step.transform(features)
        return features

    def chosen(self, number: int, arrays: Arrays) -> tuple[Any, npt.NDArray[Any], npt.NDArray[np.float64] | None]:
        """Return which rows count for a label, its values in those, and their weights where they differ.

        Args:
            number: of the label.
            arrays: targets and, if any, weights of rows.
        """
        label, targets = self.objective.labels[number], arrays[0]
        values = targets if targets.ndim == 1 else targets[:, number]
        if label.task == "classification":
            values = np.array(label.codes)[values.astype(np.int64)]
        if len(arrays) == 1:
            return slice(None), values, None
        weights = arrays[1] if arrays[1].ndim == 1 else arrays[1][:, number]
        counts = weights > 0
        differ = counts.any() and bool((weights[counts] != weights[counts][0]).any() or weights[counts][0] != 1)
        return counts, values[counts], weights[counts].astype(np.float64) if differ else None

    def save(self, folder: Path) -> None:
        """Write the estimators and the transformers."""
        for number, estimator in enumerate(self.estimators):
            save(estimator, folder / f"{number}.zip", self.own)
        for number, (_, step) in enumerate(self.steps):
            save(step, folder / f"step-{number}.zip", self.own)

    def load(self, folder: Path) -> None:
        """Take up what `save` wrote."""
        self.estimators = [load(folder / f"{number}.zip", self.own) for number in range(len(self.estimators))]
        self.steps = [
            (name, load(folder / f"step-{number}.zip", self.own)) for number, (name, _) in enumerate(self.steps)
        ]
        self.is_begun = True

    def save_weights(self, folder: Path) -> None:
        """Write the estimators."""
        self.save(folder)

    def load_weights(self, folder: Path) -> None:
        """Take up what `save_weights` wrote."""
        self.load(folder)

    def agree(self, values: Sequence[float]) -> list[float]:
        """Return the values: there is one process."""
        return list(values)

    def models(self) -> list[Any]:
        """Return what to predict with by label: the estimator, behind the transformers."""
        if not self.steps:
            return self.estimators
        from sklearn.pipeline import Pipeline

        last = type(self.estimators[0]).__name__.lower()
        return [Pipeline([*self.steps, (last, estimator)]) for estimator in self.estimators]


def _output(label: LabelInfo, estimator: Any, features: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return chances of the classes, or one column of what is foretold.

    Where an estimator gives no chances, its scores are squashed, so that they order rows and classes as it does; one
    that gives no scores either is certain.
    """
    if label.task == "regression":
        return np.asarray(estimator.predict(features), np.float64).reshape(len(features), 1)
    if hasattr(estimator, "predict_proba"):
        chances: npt.NDArray[np.float64] = np.asarray(estimator.predict_proba(features), np.float64)
        return chances
    if not hasattr(estimator, "decision_function"):
        certain: npt.NDArray[np.float64] = np.eye(len(label.codes))[
            np.searchsorted(np.array(label.codes), estimator.predict(features))
        ]
        return certain
    scores = np.clip(np.asarray(estimator.decision_function(features), np.float64), -_LARGEST, _LARGEST)
    if scores.ndim == 1:
        chance = 1 / (1 + np.exp(-scores))
        return np.column_stack([1 - chance, chance])
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    made: npt.NDArray[np.float64] = raised / raised.sum(axis=1, keepdims=True)
    return made
