"""SklearnTrainer: any scikit-learn classifier or regressor by name, fitted on all rows at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field

from zenml.errors import Problem
from zenml.steps.trainer.names import ClassWeights, class_weight_problems, metric_problems
from zenml.steps.trainer.prediction import LabelInfo, Task
from zenml.steps.trainer.training import Training
from zenml_sklearn import estimators
from zenml_sklearn.base import SklearnBaseTrainer
from zenml_sklearn.steps import as_pipeline

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from zenml.steps.trainer.targets import Target


class SklearnTrainer(SklearnBaseTrainer):
    """Train a scikit-learn classifier or regressor; of several labels, each gets an estimator of its own.

    Args:
        estimator, parameters, steps, sample_weight, threads: see `SklearnBaseTrainer`.
        class_weight: how much rows count by their class, such as `{"yes": 3}`, or `balanced`.
        cv: cut the training rows into so many folds and measure how well the others foretell each; recorded with the
            step as `cv_roc_auc_mean`, `cv_roc_auc_std` and, of each fold, `cv_roc_auc_fold_1`. Folds of a
            classification have the same share of each class. The model itself is then fitted on all rows.
        cv_group: column of the data; rows with the same value are never in two folds. It is not learned from.
        metrics: what to measure on the folds, by the names of evaluators; by default what these measure.
    """

    class_weight: ClassWeights = None
    cv: int | None = Field(default=None, ge=2)
    cv_group: str | None = None
    metrics: list[str] = Field(default_factory=list)

    def estimator_problems(self) -> Iterator[Problem]:
        """Find what is wrong with the estimator, the steps and what they are asked for."""
        yield from super().estimator_problems()
        where = type(self).__name__
        yield from class_weight_problems(self.class_weight, where)
        yield from metric_problems(self.metrics, where)
        if self.cv is None:
            for field in ("cv_group", "metrics"):
                if getattr(self, field):
                    yield Problem("it is of cross-validation, and cv is not set", f"{where}.{field}", "Set cv=5")

    def columns_aside(self) -> Mapping[str, str]:
        """Return, by the name of the field, the columns that are neither learned nor learned from."""
        return {**super().columns_aside(), **({"cv_group": self.cv_group} if self.cv_group else {})}

    def fit(self, training: Training) -> Sequence[LabelInfo]:
        """Fit an estimator per label and save each as `<number of the label>.zip`."""
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped] # it ships no types

        from zenml.steps.trainer.targets import read_targets
        from zenml_sklearn.persistence import save

        self.refuse_problems()
        aside = self.prepared(training)
        features, columns = aside.training.train.arrays()
        name, parameters = as_pipeline(self.steps, self.estimator, self.parameters)
        task: Task = "classification" if estimators.kind(name, parameters) == "classifier" else "regression"
        targets = read_targets(training, {label: columns[label] for label in aside.learned}, task)
        with threadpool_limits(limits=self.threads):
            for number, target in enumerate(targets):
                every = target.rows.all()
                if not every:
                    left_out = int((~target.rows).sum())
                    training.report.warn(f"{left_out} rows without a value of {target.label.name} are not trained on")
                prefix = "cv_" if len(targets) == 1 else f"cv_{target.label.name}/"
                estimator = self._fit(features if every else features[target.rows], columns, target, training, prefix)
                save(estimator, training.folder / f"{number}.zip", self.own)
        aside.write()
        return [target.label for target in targets]

    def _fit(
        self,
        features: npt.NDArray[np.float32],
        columns: Mapping[str, npt.NDArray[Any]],
        target: Target,
        training: Training,
        prefix: str,
    ) -> Any:
        from zenml_sklearn.fitting import fit, refuse_unlike, told
        from zenml_sklearn.weights import row_weights

        place = f"{type(self).__name__}({self.estimator}) on label {target.label.name!r}"
        of_rows = columns[self.sample_weight][target.rows] if self.sample_weight else None
        weights = row_weights(target.label, target.values, of_rows, self.class_weight, type(self).__name__)
        name, parameters = as_pipeline(self.steps, self.estimator, self.parameters)

        def make() -> Any:
            return estimators.build(name, parameters, training.seed)

        if self.cv is not None:
            from zenml_sklearn.cross_validation import CrossValidation

            groups = columns[self.cv_group][target.rows] if self.cv_group else None
            folds = CrossValidation(self.cv, self.metrics, training.seed, training.report, place)
            found = folds.run(make, target.label, features, target.values, weights, groups)
            training.metrics.update({prefix + metric: value for metric, value in found.items()})
        with told(training.report, place):
            estimator = fit(make(), features, target.values, weights)
        refuse_unlike(estimator, target.label, place)
        return estimator
