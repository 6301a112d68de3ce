"""BoostingLearner: ensembles that grow by some trees in each epoch."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zenml.steps.trainer.batches import Arrays
from zenml.steps.trainer.bundle import write_json
from zenml.steps.trainer.objective import Objective
from zenml.steps.trainer.training import Training
from zenml_sklearn.learner import SklearnLearner

ROUNDS_FILE = "rounds.json"


class BoostingLearner(SklearnLearner):
    """Lets gradient boosting go on from the trees that are there.

    Args:
        training, objective, estimators, steps, own, place: see `SklearnLearner`.
        rounds: how many rounds an epoch has.
        parameter: the name of the parameter of all rounds.
    """

    def __init__(
        self,
        training: Training,
        objective: Objective,
        estimators: Sequence[Any],
        steps: Sequence[tuple[str, Any]],
        own: frozenset[str],
        place: str,
        *,
        rounds: int,
        parameter: str,
    ) -> None:
        super().__init__(training, objective, estimators, steps, own, place)
        self._rounds, self._parameter = rounds, parameter

    def begin(self) -> None:
        """Fit each transformer on all rows."""
        features, arrays = self._rows
        _, values, _ = self.chosen(0, arrays)
        is_of_all = len(self.estimators) == 1 and len(values) == len(features)
        for _, step in self.steps:
            step.fit(features, values if is_of_all else None)
            features = step.transform(features)

    def learn(self, epoch: int, batches: Iterator[Arrays]) -> float:
        """Grow the trees of an epoch on all rows."""
        features, arrays = self._given
        for number, estimator in enumerate(self.estimators):
            rows, values, weights = self.chosen(number, arrays)
            estimator.set_params(**{self._parameter: epoch * self._rounds, "warm_start": True})
            estimator.fit(features[rows], values, sample_weight=weights)
        lost, weight = self.objective.sums(self.outputs(features), arrays)
        return lost / weight if weight else math.nan

    @cached_property
    def _rows(self) -> tuple[npt.NDArray[np.float32], Arrays]:
        features, *arrays = self.objective.arrays(*self.training.train.arrays())
        return features, tuple(arrays)

    @cached_property
    def _given(self) -> tuple[npt.NDArray[Any], Arrays]:
        """Features as the estimators take them, then targets and weights."""
        features, arrays = self._rows
        return self.transformed(features), arrays

    def save_weights(self, folder: Path) -> None:
        """Write how many rounds there are: trees that come later change nothing of the earlier ones."""
        write_json(folder / ROUNDS_FILE, {"rounds": int(getattr(self.estimators[0], self._parameter))})

    def load_weights(self, folder: Path) -> None:
        """Leave out the rounds that came after."""
        rounds = int(json.loads((folder / ROUNDS_FILE).read_bytes())["rounds"])
        for estimator in self.estimators:
            cut(estimator, rounds)
            estimator.set_params(**{self._parameter: rounds})

    def models(self) -> list[Any]:
        """Return what to predict with by label: the estimator, behind the transformers."""
        for estimator in self.estimators:
            estimator.set_params(warm_start=False)
        return super().models()


def cut(estimator: Any, rounds: int) -> None:
    """Leave a fitted ensemble only its first rounds, as if it had not gone on."""
    if hasattr(estimator, "_predictors"):
        estimator._predictors = estimator._predictors[:rounds]  # noqa: SLF001 - its trees have no public name
        return
    estimator.estimators_ = estimator.estimators_[:rounds]
    estimator.n_estimators_ = rounds
    for name in ("train_score_", "oob_improvement_", "oob_scores_"):
        if hasattr(estimator, name):
            setattr(estimator, name, getattr(estimator, name)[:rounds])
    if hasattr(estimator, "oob_score_"):
        estimator.oob_score_ = estimator.oob_scores_[-1]
