"""SklearnTrainer: any scikit-learn classifier or regressor by name."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, JsonValue

from zenml.errors import ConfigError, DataError, Problem
from zenml.steps.base import Inputs
from zenml.steps.trainer.base import Trainer
from zenml.steps.trainer.bundle import Bundle
from zenml.steps.trainer.prediction import LabelInfo, Predictor, Task
from zenml.steps.trainer.training import Training
from zenml_sklearn import estimators

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from zenml.steps.trainer.targets import Target


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
        """Fit an estimator per label and save each as `<number of the label>.zip`."""
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped] # it ships no types

        from zenml.steps.trainer.targets import read_targets
        from zenml_sklearn.persistence import save

        wrong = list(estimators.problems(self.estimator, self.parameters, type(self).__name__))
        if wrong:
            raise ConfigError(wrong)
        features, labels = training.train.arrays()
        task: Task = "classification" if estimators.kind(self.estimator) == "classifier" else "regression"
        targets = read_targets(training, labels, task)
        with threadpool_limits(limits=self.threads):
            for number, target in enumerate(targets):
                every = target.rows.all()
                if not every:
                    left_out = int((~target.rows).sum())
                    training.report.warn(f"{left_out} rows without a value of {target.label.name} are not trained on")
                estimator = self._fit(features if every else features[target.rows], target, training)
                save(estimator, training.folder / f"{number}.zip")
        return [target.label for target in targets]

    @classmethod
    def load_bundle(cls, bundle: Bundle) -> Predictor:
        """Load the estimators of a bundle; types that are not on the trusted list are refused."""
        from zenml_sklearn.predictor import SklearnPredictor

        threads = bundle.parameters.get("threads", 1)
        return SklearnPredictor(bundle, threads if isinstance(threads, int) and threads > 0 else 1)

    def _fit(self, features: npt.NDArray[np.float32], target: Target, training: Training) -> Any:
        place = f"{type(self).__name__}({self.estimator}) on label {target.label.name!r}"
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                estimator = estimators.build(self.estimator, self.parameters, training.seed)
                estimator.fit(features, target.values)
            except (TypeError, ValueError) as error:
                kind = ConfigError if type(error).__name__ == "InvalidParameterError" else DataError
                raise kind(f"scikit-learn refused: {error}".rstrip("."), place) from error
        for message in dict.fromkeys(f"{place}: {row.message}" for row in caught):
            training.report.warn(message)
        return estimator
