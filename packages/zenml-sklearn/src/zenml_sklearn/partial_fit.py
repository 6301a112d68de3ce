"""SklearnPartialFitTrainer: estimators that learn batch by batch, from data larger than memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from zenml.errors import ConfigError, Problem
from zenml.steps.trainer.objective import Objective
from zenml.steps.trainer.training import Training
from zenml_sklearn.catalogue import find, names
from zenml_sklearn.epochs import SklearnEpochTrainer
from zenml_sklearn.estimators import REFUSED, describe

if TYPE_CHECKING:
    from zenml_sklearn.batch_learner import BatchLearner

SHAPE_ONLY = (
    "AdditiveChi2Sampler",
    "Binarizer",
    "FunctionTransformer",
    "GaussianRandomProjection",
    "Normalizer",
    "PolynomialCountSketch",
    "PolynomialFeatures",
    "RBFSampler",
    "SkewedChi2Sampler",
    "SparseRandomProjection",
)
"""Transformers that learn nothing from rows but how many columns they have."""

_COUNTING = ("BernoulliNB", "CategoricalNB", "ComplementNB", "GaussianNB", "MultinomialNB")
"""Those that count rows: a second epoch would count them again."""


class SklearnPartialFitTrainer(SklearnEpochTrainer):
    """Train an estimator that has `partial_fit` over batches, in memory that does not grow with the data.

    Such are `SGDClassifier`, `SGDRegressor`, `Perceptron`, `MLPClassifier`, `MLPRegressor` and those of naive Bayes.
    Rows are shuffled anew in each epoch, across all shards. The loss of an epoch is measured on each batch before it
    is learned.

    Args:
        estimator: class name of an estimator with `partial_fit`, or `module:Class` of your own.
        steps: transformers before it, each of which has `partial_fit` too (`StandardScaler`, `IncrementalPCA`, …), or
            looks at nothing but the number of columns (`RBFSampler`, `PolynomialFeatures`, …).
        batch_size: rows that `partial_fit` is given together.
        parameters, sample_weight, loss, epochs, metrics: see `SklearnEpochTrainer`, as for all that is not named here.
    """

    METHOD = "partial_fit"
    INSTEAD: ClassVar[Mapping[str, str]] = {
        "class_weight": "class_weight of the trainer",
        "early_stopping": "early_stopping_patience",
        "max_iter": "epochs",
        "n_iter_no_change": "early_stopping_patience",
        "tol": "early_stopping_min_delta",
        "warm_start": "epochs",
    }

    def estimator_problems(self) -> Iterator[Problem]:
        """Find what is wrong with the estimator, the steps and what they are asked for."""
        found = list(super().estimator_problems())
        yield from found
        if found:
            return
        where = type(self).__name__
        if "partial_fit" not in self.last.arguments:
            yield self._no_batches(where)
        if self.estimator in _COUNTING and self.epochs > 1:
            what = f"{self.estimator} counts rows, and would count them again in a second epoch"
            yield Problem(what, f"{where}.epochs", "Set epochs=1")
        for number, step in enumerate(self.steps):
            name = str(step["estimator"])
            known = describe(name)
            if known is not None and "partial_fit" not in known.arguments and name not in SHAPE_ONLY:
                what = f"{name} needs all rows at once: it has no partial_fit"
                mend = "Take SklearnTrainer, or another step, such as " + ", ".join(SHAPE_ONLY[3:6])
                yield Problem(what, f"{where}.steps[{number}]", mend)

    def learner(
        self,
        training: Training,
        objective: Objective,
        made: Sequence[Any],
        steps: Sequence[tuple[str, Any]],
        place: str,
    ) -> BatchLearner:
        """Return what learns batch by batch."""
        from zenml_sklearn.batch_learner import BatchLearner

        if not all(hasattr(estimator, self.METHOD) for estimator in made):
            what = f"{self.estimator} with these parameters cannot learn batch by batch: it has no partial_fit then"
            raise ConfigError(what, f"{training.name}.parameters", "See its documentation for those that it needs")
        return BatchLearner(training, objective, made, steps, self.own, place)

    def _no_batches(self, where: str) -> Problem:
        able = [name for name in names((self.last.kind,)) if _learns_batches(name)]
        what = f"{self.estimator} cannot learn batch by batch: it has no partial_fit"
        return Problem(what, f"{where}.estimator", f"Those that can: {', '.join(able)}; or take SklearnTrainer")


def _learns_batches(name: str) -> bool:
    found = find(name)
    return found is not None and name not in REFUSED and "partial_fit" in found.arguments
