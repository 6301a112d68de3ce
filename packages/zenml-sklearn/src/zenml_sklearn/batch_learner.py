"""BatchLearner: estimators that learn batch by batch, in memory that does not grow with the data."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zenml.steps.trainer.batches import Arrays
from zenml_sklearn.learner import SklearnLearner

_FIT_ROWS = 1 << 14


class BatchLearner(SklearnLearner):
    """Lets estimators learn by `partial_fit`.

    The loss of an epoch is measured on each batch before it is learned (the very first: after), so that it takes no
    second look at the data.
    """

    def begin(self) -> None:
        """Fit each transformer on all rows, batch by batch; one that only looks at their shape, on some."""
        for number, (_, step) in enumerate(self.steps):
            before = [earlier for _, earlier in self.steps[:number]]
            view = self.training.train.batch_view(_FIT_ROWS)
            for features, *_ in view.epoch():
                given = _through(before, features)
                if not hasattr(step, "partial_fit"):
                    step.fit(given)
                    break
                step.partial_fit(given)

    def learn(self, epoch: int, batches: Iterator[Arrays]) -> float:
        """Learn from each batch once."""
        lost = weight = 0.0
        for features, *rest in batches:
            given, arrays = self.transformed(features), tuple(rest)
            is_first = not self._all_began
            if is_first:
                self._take(given, arrays)
            if self._all_began:
                some, weights = self.objective.sums(self.outputs(given), arrays)
                lost, weight = lost + some, weight + weights
            if not is_first:
                self._take(given, arrays)
        return lost / weight if weight else math.nan

    def load(self, folder: Path) -> None:
        """Take up what `save` wrote."""
        super().load(folder)
        self._began.update(range(len(self.estimators)))

    @cached_property
    def _began(self) -> set[int]:
        """The numbers of the labels of which a row was learned."""
        return set()

    @property
    def _all_began(self) -> bool:
        return len(self._began) == len(self.estimators)

    def _take(self, features: npt.NDArray[Any], arrays: Arrays) -> None:
        for number, (label, estimator) in enumerate(zip(self.objective.labels, self.estimators, strict=True)):
            rows, values, weights = self.chosen(number, arrays)
            if not len(values):
                continue
            more: dict[str, Any] = {} if weights is None else {"sample_weight": weights}
            if label.task == "classification":
                more["classes"] = np.array(label.codes)
            estimator.partial_fit(features[rows], values, **more)
            self._began.add(number)


def _through(steps: list[Any], features: npt.NDArray[Any]) -> npt.NDArray[Any]:
    for step in steps:
        features = step.transform(features)
    return features
