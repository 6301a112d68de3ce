"""SklearnBaseTrainer: what the trainers of scikit-learn's estimators have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, JsonValue

from zenml.errors import ConfigError, Problem, ZenMLError, closest
from zenml.steps.base import Inputs
from zenml.steps.preprocesser.standard import StandardPreprocesser
from zenml.steps.trainer.base import Trainer
from zenml.steps.trainer.bundle import Bundle
from zenml.steps.trainer.prediction import Predictor
from zenml_sklearn import estimators
from zenml_sklearn.catalogue import Estimator
from zenml_sklearn.own import find_own, own_names
from zenml_sklearn.steps import step_problems

if TYPE_CHECKING:
    from zenml.steps.trainer.training import Training
    from zenml_sklearn.aside import SetAside

_PASS_ON = ("StackingClassifier", "StackingRegressor", "VotingClassifier", "VotingRegressor")
"""Those that take weights of rows among their other arguments."""


class SklearnBaseTrainer(Trainer):
    """Base of the trainers of scikit-learn's estimators.

    Args:
        estimator: class name of a classifier or regressor of scikit-learn, or `module:Class` of your own.
        parameters: its parameters by name. An estimator inside another is written
            `{"estimator": "DecisionTreeClassifier", "parameters": {"max_depth": 3}}`. Where an estimator takes
            `random_state` and none is given, it gets the pipeline's seed.
        steps: transformers that the features go through before, as in a scikit-learn `Pipeline`:
            `{"name": "pairs", "estimator": "PolynomialFeatures", "parameters": {"degree": 2}}` each; the name may be
            left out.
        sample_weight: column of the data that says how much each row counts: a label, which is then not learned, or a
            feature, which is then not learned from.
        threads: how many BLAS and OpenMP threads fitting and predicting may use; see `Trainer`.
    """

    FRAMEWORK = "scikit-learn"
    VERSIONED_BY: ClassVar[tuple[str, ...]] = ("scikit-learn",)
    CACHE_VERSION: ClassVar[int | None] = 2

    METHOD: ClassVar[str] = "fit"
    """The method of the estimator that learns."""

    estimator: str
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    steps: list[dict[str, JsonValue]] = Field(default_factory=list)
    sample_weight: str | None = None

    def check(self, inputs: Inputs) -> Iterable[Problem]:
        """Find unknown estimators and parameters, from scikit-learn's sources and without importing it."""
        yield from super().check(inputs)
        yield from self.estimator_problems()
        yield from self._column_problems(inputs)

    def estimator_problems(self) -> Iterator[Problem]:
        """Find what is wrong with the estimator, the steps and what they are asked for."""
        where = type(self).__name__
        found = [
            *estimators.problems(self.estimator, self.parameters, where),
            *step_problems(self.steps, f"{where}.steps"),
        ]
        yield from found
        if not found and self.weighs and not _takes_weights(self.last, self.METHOD):
            field = "sample_weight" if self.sample_weight else "class_weight"
            what = f"{self.last.name} takes no weights of rows"
            yield Problem(what, f"{where}.{field}", "Leave it out, or take another estimator")

    def refuse_problems(self) -> None:
        """Raise what `estimator_problems` finds, as a step that is run by itself was not checked.

        Raises:
            ConfigError: all of it.
        """
        wrong = list(self.estimator_problems())
        if wrong:
            raise ConfigError(wrong)

    def columns_aside(self) -> Mapping[str, str]:
        """Return, by the name of the field, the columns that are neither learned nor learned from."""
        return {"sample_weight": self.sample_weight} if self.sample_weight else {}

    def _column_problems(self, inputs: Inputs) -> Iterator[Problem]:
        """Find columns that the preprocesser does not give, as far as its config tells."""
        producer = inputs.get("examples")
        step = producer.step if producer is not None else None
        if not isinstance(step, StandardPreprocesser) or step.features is None:
            return
        known = [*step.features, *step.labels]
        for field, name in self.columns_aside().items():
            if name not in known:
                mend = closest(name, known) or "Name it in features= or labels= of the preprocesser"
                yield Problem(f"the preprocesser gives no column {name!r}", f"{type(self).__name__}.{field}", mend)

    @property
    def last(self) -> Estimator:
        """The estimator that learns the label."""
        return estimators.last(self.estimator, self.parameters)

    @property
    def weighs(self) -> bool:
        """Whether rows count differently."""
        return self.sample_weight is not None or getattr(self, "class_weight", None) is not None

    @property
    def own(self) -> frozenset[str]:
        """The classes of the user's own, `module:Class`."""
        return own_classes(self.model_dump(include={"estimator", "parameters", "steps"}))

    def code_classes(self) -> Iterable[type]:
        """Return the estimators of the user's own."""
        for name in sorted(self.own):
            try:
                yield find_own(name).load()
            except ZenMLError:  # told by `check`
                continue

    def prepared(self, training: Training) -> SetAside:
        """Return the training without the columns that are set aside, after a look at the weights.

        Raises:
            DataError: columns are missing or hold no weights.
        """
        from zenml_sklearn.aside import set_aside
        from zenml_sklearn.weights import refuse_bad_weights

        found = set_aside(training, self.columns_aside())
        if self.sample_weight:
            refuse_bad_weights(found.training, self.sample_weight)
        return found

    @classmethod
    def load_bundle(cls, bundle: Bundle) -> Predictor:
        """Load the estimators of a bundle; types that are not on the trusted list are refused."""
        from zenml_sklearn.predictor import SklearnPredictor

        threads = bundle.parameters.get("threads", 1)
        known = threads if isinstance(threads, int) and threads > 0 else 1
        return SklearnPredictor(bundle, known, own_classes(bundle.parameters))


def own_classes(config: Mapping[str, Any]) -> frozenset[str]:
    """Return the classes of the user's own that a trainer's config names."""
    return frozenset(own_names({key: config.get(key) for key in ("estimator", "parameters", "steps")}))


def _takes_weights(estimator: Estimator, method: str) -> bool:
    return "sample_weight" in estimator.arguments.get(method, ()) or estimator.name in _PASS_ON
