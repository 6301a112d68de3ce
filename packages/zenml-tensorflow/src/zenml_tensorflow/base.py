"""TFBaseTrainerStep: trainers with a Keras model of your own."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import field_validator

from zenml.artifacts.types import Artifact, Model
from zenml.errors import ConfigError
from zenml.steps.base import StepContext
from zenml.steps.trainer.bundle import Bundle
from zenml.steps.trainer.faults import memory_watched
from zenml.steps.trainer.history import read_history
from zenml.steps.trainer.names import canonical
from zenml.steps.trainer.network import NetworkTrainer
from zenml.steps.trainer.objective import Objective
from zenml.steps.trainer.prediction import LabelInfo, Predictor
from zenml.steps.trainer.training import Training
from zenml_tensorflow.logs import TensorBoardLogs, keep_logs

if TYPE_CHECKING:
    import keras


class TFBaseTrainerStep(NetworkTrainer):
    """Train a Keras model of your own: write `model_fn`, and the rest is done.

    Rows come from memory-mapped Arrow files through `tf.data`, shuffled anew in each epoch. The loss, and what is
    measured on the split `eval`, is recorded after each epoch, and checkpoints let a killed run go on: on a CPU to the
    very same weights. For that operations are deterministic and Keras is seeded with the pipeline's seed; what a layer
    draws at random it should draw by `keras.random` from a `SeedGenerator`, as those of `tf.random` cannot be saved.

    The bundle holds `model.keras`, which predicts, and `saved_model/`, for servers of that format. Put a layer class of
    your own under `@keras.saving.register_keras_serializable()`, in the trainer's module or one that it imports. A
    layer that brings code along, such as `Lambda`, is refused.

    Args:
        batch_size: rows of a step of the optimizer.
        lr: learning rate of the optimizer.
        epochs: how often to go over the data, at most.
        metrics: see `NetworkTrainer`, as for all that is not named here; None for none.
    """

    FRAMEWORK = "tensorflow"
    VERSIONED_BY = ("tensorflow", "keras")

    outputs: ClassVar[Mapping[str, type[Artifact]]] = {"model": Model, "logs": TensorBoardLogs}

    @field_validator("metrics", mode="before")
    @classmethod
    def _no_metrics(cls, value: Any) -> Any:
        return [] if value is None else value

    @abstractmethod
    def model_fn(self, training: Training, objective: Objective) -> keras.Model:
        """Return the model to train.

        It takes features of shape (rows, `training.train.width`). For a loss over classes it gives their probabilities,
        (rows, `objective.outputs`); for every other loss one output of shape (rows, 1) per label: a chance, or a
        number. Several outputs are a list in the order of the labels, or a dict by label.

        A model that is not compiled gets the loss, the optimizer and the learning rate of the step's fields.

        Args:
            training: the data, their transform, the seed.
            objective: what is trained towards: the loss, and the labels with their classes.
        """

    def callbacks(self, training: Training) -> Sequence[keras.callbacks.Callback]:
        """Return Keras callbacks to call; the logs of each epoch are what was recorded, also as `val_…`.

        When a run goes on from a checkpoint, they are first told of the epochs before it, so that what they count is
        right. Files in the folder `training.scratch / "logs"` are kept with the TensorBoard logs.
        """
        return ()

    def train_fn(self, model: keras.Model, training: Training, objective: Objective) -> None:
        """Train the compiled model; write your own for another loop.

        A loop of your own reads `zenml_tensorflow.dataset.as_dataset(training.train.batch_view(…))`, calls
        `training.record_epoch` after each epoch and `training.checkpoints.save` after some, and begins with
        `training.checkpoints.latest()`.
        """
        from zenml_tensorflow.callbacks import CallbackStopping
        from zenml_tensorflow.fitting import heads_of
        from zenml_tensorflow.learner import KerasLearner

        callbacks = self.callbacks(training)
        heads = heads_of(model, objective, training)
        learner = KerasLearner(model, heads, training, self.batch_size, callbacks)
        plan = self.plan(training, objective)
        if callbacks:
            usual = plan.stopping
            stopping = CallbackStopping(usual.monitor, usual.patience, usual.min_delta, learner=learner)
            plan = replace(plan, stopping=stopping)
        plan.run(learner)
        learner.close()

    def fit(self, training: Training) -> Sequence[LabelInfo]:
        """Make the model, train it, and write it in both formats."""
        from zenml_tensorflow.fitting import heads_of, write_files
        from zenml_tensorflow.network import compile_model
        from zenml_tensorflow.session import session

        objective = self.objective(training)
        with session(training.seed, self.threads, training.placement, training.report.warn):
            import keras
            import tensorflow as tf

            with memory_watched(self.batch_size, training.name, (tf.errors.ResourceExhaustedError,)):
                model = self.model_fn(training, objective)
                if not isinstance(model, keras.Model):
                    what = f"model_fn returned {type(model).__name__}, and must return a keras.Model"
                    raise ConfigError(what, training.name)
                heads = heads_of(model, objective, training)
                if not model.compiled:
                    compile_model(model, heads, canonical(self.optimizer), self.lr, self.batch_size)
                self.train_fn(model, training, objective)
                write_files(model, heads, training)
        return objective.labels

    def run(self, context: StepContext) -> None:
        """Train, write the bundle, and keep TensorBoard logs beside it."""
        super().run(context)
        if context.placement.rank == 0:
            epochs = read_history(context.outputs["model"].path)
            keep_logs(context.outputs["logs"].path, epochs, context.scratch)

    @classmethod
    def load_bundle(cls, bundle: Bundle) -> Predictor:
        """Load the Keras model of a bundle; what would run code from the file is refused."""
        from zenml_tensorflow.predictor import KerasPredictor

        threads = bundle.parameters.get("threads", 1)
        return KerasPredictor(bundle, threads if isinstance(threads, int) and threads > 0 else 1)
