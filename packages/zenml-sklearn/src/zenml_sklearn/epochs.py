"""SklearnEpochTrainer: what the trainers of estimators that learn epoch by epoch have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from zenml.errors import ConfigError, Problem
from zenml.steps.trainer.epoch_trainer import EpochTrainer
from zenml.steps.trainer.names import LOSSES, canonical
from zenml.steps.trainer.objective import Objective
from zenml.steps.trainer.prediction import LabelInfo
from zenml.steps.trainer.training import Training
from zenml_sklearn import estimators
from zenml_sklearn.base import SklearnBaseTrainer
from zenml_sklearn.catalogue import PIPELINE
from zenml_sklearn.steps import named_steps

if TYPE_CHECKING:
    from zenml_sklearn.learner import SklearnLearner


class SklearnEpochTrainer(SklearnBaseTrainer, EpochTrainer):
    """Base of the trainers of estimators that learn epoch by epoch; of several labels, each gets an estimator.

    Args:
        estimator, parameters, steps, sample_weight: see `SklearnBaseTrainer`.
        loss: how the loss of an epoch is measured, `binary_crossentropy`, `categorical_crossentropy`, `mse`, `mae` or
            `huber`; what the estimator itself lowers is one of its parameters. Of a classifier that gives no chances,
            such as one with a hinge loss, it is that of its squashed scores.
        batch_size, epochs, metrics, class_weight: see `EpochTrainer`, as for all that is not named here.
    """

    INSTEAD: ClassVar[Mapping[str, str]] = {}
    """Parameters of estimators that this trainer sets, and the field that is meant in their place."""

    batch_size: int = Field(default=1024, ge=1)

    def estimator_problems(self) -> Iterator[Problem]:
        """Find what is wrong with the estimator, the steps and what they are asked for."""
        found = list(super().estimator_problems())
        yield from found
        where = type(self).__name__
        for name, field in self.INSTEAD.items():
            if name in self.parameters:
                yield Problem("the trainer sets this parameter itself", f"{where}.parameters.{name}", f"Set {field}")
        if found:
            return
        if self.estimator == PIPELINE:
            what = "the estimator of a training by epochs is the last of a Pipeline"
            yield Problem(what, f"{where}.estimator", "Write those before it as steps=")
        kind = self.last.kind
        fitting = [name for name, what in LOSSES.items() if (what == "numbers") == (kind == "regressor")]
        if self.loss is not None and canonical(self.loss) in LOSSES and canonical(self.loss) not in fitting:
            mend = f"Take {' or '.join(fitting)}, or leave it out"
            yield Problem(f"loss={self.loss!r} does not go with a {kind}", f"{where}.loss", mend)

    def fit(self, training: Training) -> Sequence[LabelInfo]:
        """Train by epochs, from the last checkpoint where there is one, and save each estimator."""
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped] # it ships no types

        from zenml.steps.trainer.faults import memory_watched
        from zenml_sklearn.fitting import refuse_unlike, told
        from zenml_sklearn.objective import sklearn_objective
        from zenml_sklearn.persistence import save

        wrong = [*self.estimator_problems(), *self.name_problems()]
        if wrong:
            raise ConfigError(wrong)
        aside = self.prepared(training)
        objective = sklearn_objective(aside.of_labels, self.last.kind, self.loss, self.class_weight, self.sample_weight)
        place = f"{type(self).__name__}({self.estimator})"
        pairs = named_steps(self.steps, self.estimator, self.parameters)
        with threadpool_limits(limits=self.threads), memory_watched(self.batch_size, training.name):
            with told(training.report, place):
                made = [estimators.build(row["estimator"], row["parameters"], training.seed) for _, row in pairs[:-1]]
                steps = [(name, step) for (name, _), step in zip(pairs, made, strict=False)]
                learner = self.learner(
                    aside.training, objective, [self._made(training) for _ in objective.labels], steps, place
                )
            self.plan(aside.training, objective).run(learner)
            for number, (label, model) in enumerate(zip(objective.labels, learner.models(), strict=True)):
                refuse_unlike(model, label, place)
                save(model, training.folder / f"{number}.zip", self.own)
        aside.write()
        return objective.labels

    @abstractmethod
    def learner(
        self,
        training: Training,
        objective: Objective,
        made: Sequence[Any],
        steps: Sequence[tuple[str, Any]],
        place: str,
    ) -> SklearnLearner:
        """Return what learns.

        Args:
            training: the training, without the columns that are set aside.
            objective: what the loss of an epoch is.
            made: an estimator per label.
            steps: names of transformers, and these.
            place: the trainer and the estimator, for messages.
        """

    def _made(self, training: Training) -> Any:
        return estimators.build(self.estimator, self.parameters, training.seed)
