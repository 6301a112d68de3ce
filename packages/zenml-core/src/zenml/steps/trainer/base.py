"""Trainer: the interface of every trainer step."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from zenml.artifacts.store import ArtifactStore
from zenml.artifacts.types import Artifact, Model, Transform, TransformedExamples
from zenml.backends.interfaces import TrainingBackend
from zenml.errors import DataError, Problem
from zenml.steps.base import Inputs, Step, StepContext
from zenml.steps.trainer.bundle import MODEL_FOLDER, Bundle
from zenml.steps.trainer.checkpoints import Checkpoints
from zenml.steps.trainer.history import HISTORY_FILE, history_text
from zenml.steps.trainer.prediction import LabelInfo, Predictor
from zenml.steps.trainer.training import Training


class Trainer(Step):
    """Fit a model on the split `train` and write a model bundle.

    A subclass declares its hyper-parameters as fields and implements `fit` and `load_bundle`. All that is random in it
    is seeded with `training.seed`, so that the same data, config and versions give the same bundle, byte for byte.

    Args:
        threads: how many BLAS and OpenMP threads the framework may use. Sums are rounded in another order with another
            number of threads, so it changes the model's last digits; therefore it is part of the step's config.
    """

    inputs: ClassVar[Mapping[str, type[Artifact]]] = {"examples": TransformedExamples, "transform": Transform}
    outputs: ClassVar[Mapping[str, type[Artifact]]] = {"model": Model}
    BACKEND_KINDS = ("training",)

    FRAMEWORK: ClassVar[str] = ""
    """The framework's distribution, as pip knows it; its version is written in the bundle."""

    threads: int = Field(default=1, ge=1)

    @abstractmethod
    def fit(self, training: Training) -> Sequence[LabelInfo]:
        """Fit on `training.train`, write the framework's own files into `training.folder`.

        Called once, in the process that the training backend chose. Write neither pickles nor anything else that runs
        code when it is read, and nothing that differs between two equal trainings (times, object ids, paths).

        Returns:
            what the model predicts, one row per label.

        Raises:
            ZenMLError: for whatever the user can mend.
        """

    @classmethod
    @abstractmethod
    def load_bundle(cls, bundle: Bundle) -> Predictor:
        """Make a bundle of this trainer ready to predict, from the files in `bundle.model_folder`.

        Raises:
            ZenMLError: the files are missing, damaged, or hold anything that this trainer does not trust.
        """

    def hyper_parameters(self) -> dict[str, Any]:
        """Return what to record in the bundle as hyper-parameters (JSON types): every field unless overridden."""
        return self.model_dump(mode="json")

    def check(self, inputs: Inputs) -> Iterable[Problem]:
        """Find whether the data have a split to train on, and the training backend is one for this framework."""
        frameworks = self.backend.FRAMEWORKS if isinstance(self.backend, TrainingBackend) else ()
        if frameworks and self.FRAMEWORK not in frameworks:
            what = f"{type(self.backend).__name__} trains models of {', '.join(frameworks)}"
            made = f"this is one of {self.FRAMEWORK}" if self.FRAMEWORK else "this is none"
            yield Problem(f"{what}, and {made}", type(self).__name__, "Take another training backend, or none")
        producer = inputs.get("examples")
        names = producer.split_names() if producer is not None else None
        if names is not None and "train" not in names:
            yield Problem(
                "there is no split named train to fit on",
                type(self).__name__,
                f"The splits are: {', '.join(names)}",
            )

    def run(self, context: StepContext) -> None:
        """Fit on the transformed examples and write the bundle."""
        import importlib.metadata

        from zenml.data.transforms import Transform as Fitted
        from zenml.plugins.registry import type_name
        from zenml.steps.trainer.reader import SplitReader

        transform = Fitted.load(context.inputs["transform"].path)
        if not transform.labels:
            raise DataError("the data have no label to learn", type(self).__name__, "Name labels= in the preprocesser")
        examples = context.inputs["examples"].path
        labels = tuple(transform.labels)
        folder = context.outputs["model"].path
        place = context.placement
        if place.rank:
            folder = context.scratch / f"process-{place.rank}"
        model_folder = folder / MODEL_FOLDER
        model_folder.mkdir(parents=place.rank > 0)
        checkpoints = context.checkpoints or _checkpoints_here(context)
        fitted = self.fit(
            Training(
                train=SplitReader(examples / "train", labels),
                eval=SplitReader(examples / "eval", labels) if any(examples.glob("eval/shard-*")) else None,
                transform=transform,
                seed=context.seed,
                folder=model_folder,
                report=context.report,
                metrics=context.metrics,
                checkpoints=checkpoints,
                scratch=context.scratch,
                placement=place,
                name=type(self).__name__,
            )
        )
        if place.rank:
            return
        if checkpoints.history.epochs:
            (folder / HISTORY_FILE).write_bytes(history_text(checkpoints.history.epochs))
        version = importlib.metadata.version(self.FRAMEWORK) if self.FRAMEWORK else ""
        bundle = Bundle(folder, type_name(type(self)), self.FRAMEWORK, version, tuple(fitted), self.hyper_parameters())
        bundle.write(transform, transform.example)


def _checkpoints_here(context: StepContext) -> Checkpoints:
    """Return checkpoints of a step that is run by itself: they go with its scratch folder."""
    return Checkpoints(ArtifactStore(str(context.scratch / "checkpoints")), "step")
