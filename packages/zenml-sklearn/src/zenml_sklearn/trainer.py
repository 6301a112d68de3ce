"""SklearnTrainer: any scikit-learn classifier or regressor by name."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field, JsonValue

from zenml.errors import ConfigError, DataError, Problem, ZenMLError
from zenml.steps.base import Inputs
from zenml.steps.trainer.base import Trainer
from zenml.steps.trainer.bundle import Bundle
from zenml.steps.trainer.prediction import LabelInfo, Predictor
from zenml.steps.trainer.training import Training
from zenml_sklearn import estimators


class SklearnTrainer(Trainer):
    """Train a scikit-learn classifier or regressor; of several labels, each gets an estimator of its own.

    Args:
        estimator: class name of the classifier or regressor, such as `LogisticRegression`.
        parameters: its parameters by name. An estimator inside another is written
            `{"estimator": "DecisionTreeClassifier", "parameters": {"max_depth": 3}}`. Where an estimator takes
            `random_state` and none is given, it gets the pipeline's seed.
        threads: how many BLAS and OpenMP threads fitting and predicting may use; see `Trainer`.
    """

    FRAMEWORK = "scikit-learn"
    VERSIONED_BY = ("scikit-learn",)
    CACHE_VERSION: ClassVar[int | None] = 1

    estimator: str
    parameters: dict[str, JsonValue] = Field(default_factory=dict)

    def check(self, inputs: Inputs) -> Iterable[Problem]:
        """Find unknown estimators and parameters, from scikit-learn's sources and without importing it."""
        yield from super().check(inputs)
        yield from estimators.problems(self.estimator, self.parameters, type(self).__name__)

    def fit(self, training: Training) -> Sequence[LabelInfo]:
        """Fit an estimator per label and save each as `<number of the label>.skops`."""
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped] # it ships no types

        from zenml_sklearn.persistence import save

        wrong = list(estimators.problems(self.estimator, self.parameters, type(self).__name__))
        if wrong:
            raise ConfigError(wrong)
        features, labels = training.train.arrays()
        targets = self._targets(training, labels)
        fitted: list[LabelInfo] = []
        with threadpool_limits(limits=self.threads):
            for number, (name, (rows, target)) in enumerate(targets.items()):
                if not rows.all():
                    training.report.warn(f"{int((~rows).sum())} rows without a value of {name} are not trained on")
                    estimator = self._fit(features[rows], target[rows], training, name)
                else:
                    estimator = self._fit(features, target, training, name)
                save(estimator, training.folder / f"{number}.skops")
                fitted.append(self._describe(name, estimator, training))
        return fitted

    @classmethod
    def load_bundle(cls, bundle: Bundle) -> Predictor:
        """Load the estimators of a bundle; types that are not on the trusted list are refused."""
        from zenml_sklearn.predictor import SklearnPredictor

        threads = bundle.parameters.get("threads", 1)
        return SklearnPredictor(bundle, threads if isinstance(threads, int) and threads > 0 else 1)

    def _fit(self, features: npt.NDArray[np.float32], target: npt.NDArray[Any], training: Training, name: str) -> Any:
        place = f"{type(self).__name__}({self.estimator}) on label {name}"
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                estimator = estimators.build(self.estimator, self.parameters, training.seed)
                estimator.fit(features, target)
            except (TypeError, ValueError) as error:
                kind = ConfigError if type(error).__name__ == "InvalidParameterError" else DataError
                raise kind(f"scikit-learn refused: {error}".rstrip("."), place) from error
        for message in dict.fromkeys(f"{place}: {row.message}" for row in caught):
            training.report.warn(message)
        return estimator

    def _targets(
        self, training: Training, labels: dict[str, npt.NDArray[Any]]
    ) -> dict[str, tuple[npt.NDArray[np.bool_], npt.NDArray[Any]]]:
        """Return which rows have the label, and its values, by label; raise all that is wrong with them at once."""
        classifies = estimators.kind(self.estimator) == "classifier"
        targets: dict[str, tuple[npt.NDArray[np.bool_], npt.NDArray[Any]]] = {}
        wrong: list[Problem] = []
        for name, values in labels.items():
            rows = np.isfinite(values) if values.dtype.kind == "f" else np.ones(len(values), np.bool_)
            try:
                if classifies:
                    targets[name] = rows, _classes(name, values, values[rows])
                else:
                    texts = training.transform.label_values(name) is not None
                    targets[name] = rows, _numbers(name, values, values[rows], texts)
            except ZenMLError as error:
                wrong += error.problems
        if wrong:
            raise DataError(wrong)
        return targets

    def _describe(self, name: str, estimator: Any, training: Training) -> LabelInfo:
        if estimators.kind(self.estimator) == "regressor":
            return LabelInfo(name, "regression")
        codes = tuple(int(code) for code in estimator.classes_)
        values = training.transform.label_values(name)
        classes = codes if values is None else tuple(values[code] for code in codes)
        return LabelInfo(name, "classification", classes, codes)


def _classes(name: str, values: npt.NDArray[Any], known: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if len(known) == 0:
        raise DataError("the label has no values", f"label {name}")
    if known.dtype.kind == "f":
        if not np.array_equal(known, np.rint(known)):
            shown = known[known != np.rint(known)][0]
            raise DataError(
                f"a classifier needs classes, and the label has continuous values such as {shown:.6g}",
                f"label {name}",
                "Take a regressor",
            )
        values = np.where(np.isfinite(values), values, 0).astype(np.int64)
        known = known.astype(np.int64)
    if (known == known[0]).all():
        raise DataError(
            "all rows of the split train have the same class", f"label {name}", "A classifier needs at least two"
        )
    return values


def _numbers(name: str, values: npt.NDArray[Any], known: npt.NDArray[Any], texts: bool) -> npt.NDArray[Any]:
    if len(known) == 0:
        raise DataError("the label has no values", f"label {name}")
    if texts:
        raise DataError("a regressor needs numbers, and the label has classes", f"label {name}", "Take a classifier")
    return values.astype(np.float64, copy=False)
