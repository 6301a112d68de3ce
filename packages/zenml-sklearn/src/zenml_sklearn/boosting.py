"""SklearnBoostingTrainer: gradient boosting with a learning curve, early stopping and checkpoints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from zenml.errors import Problem
from zenml.steps.trainer.objective import Objective
from zenml.steps.trainer.training import Training
from zenml_sklearn.epochs import SklearnEpochTrainer

if TYPE_CHECKING:
    from zenml_sklearn.boosting_learner import BoostingLearner

BOOSTING: Mapping[str, str] = {
    "GradientBoostingClassifier": "n_estimators",
    "GradientBoostingRegressor": "n_estimators",
    "HistGradientBoostingClassifier": "max_iter",
    "HistGradientBoostingRegressor": "max_iter",
}
"""What can be trained round by round, and the parameter that counts the rounds."""


class SklearnBoostingTrainer(SklearnEpochTrainer):
    """Train gradient boosting some rounds at a time: an epoch is `rounds_per_epoch` trees (per class) more.

    After each epoch the split `eval` is measured; the learning curve, early stopping and checkpoints are those of
    every trainer by epochs. All rows are in memory.

    Args:
        estimator: `HistGradientBoostingClassifier`, `HistGradientBoostingRegressor`, `GradientBoostingClassifier` or
            `GradientBoostingRegressor`.
        epochs: how often to add rounds, at most.
        rounds_per_epoch: how many rounds an epoch adds. Each epoch looks at all trees that are there, so many epochs
            of few rounds take longer.
        parameters, steps, sample_weight, loss, metrics: see `SklearnEpochTrainer`, as for all that is not named here.
    """

    INSTEAD: ClassVar[Mapping[str, str]] = {
        "early_stopping": "early_stopping_patience",
        "max_iter": "epochs and rounds_per_epoch",
        "n_estimators": "epochs and rounds_per_epoch",
        "n_iter_no_change": "early_stopping_patience",
        "tol": "early_stopping_min_delta",
        "validation_fraction": "a split named eval",
        "warm_start": "epochs",
    }

    rounds_per_epoch: int = Field(default=10, ge=1)

    def estimator_problems(self) -> Iterator[Problem]:
        """Find what is wrong with the estimator, the steps and what they are asked for."""
        found = list(super().estimator_problems())
        yield from found
        if self.batch_size != type(self).model_fields["batch_size"].default:
            what = "each round learns from all rows"
            yield Problem(what, f"{type(self).__name__}.batch_size", "Leave it out")
        if not found and self.estimator not in BOOSTING:
            what = f"{self.estimator} does not learn round by round"
            mend = f"Take one of: {', '.join(BOOSTING)}; or SklearnTrainer"
            yield Problem(what, f"{type(self).__name__}.estimator", mend)

    def learner(
        self,
        training: Training,
        objective: Objective,
        made: Sequence[Any],
        steps: Sequence[tuple[str, Any]],
        place: str,
    ) -> BoostingLearner:
        """Return what learns round by round."""
        from zenml_sklearn.boosting_learner import BoostingLearner

        parameter = BOOSTING[self.estimator]
        if parameter == "max_iter":
            for estimator in made:
                estimator.set_params(early_stopping=False)
        return BoostingLearner(
            training, objective, made, steps, self.own, place, rounds=self.rounds_per_epoch, parameter=parameter
        )
