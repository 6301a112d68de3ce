"""TFFeedForwardTrainer: feed-forward networks on TensorFlow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, field_validator

from zenml.steps.trainer.feed_forward import FeedForwardTrainer
from zenml.steps.trainer.objective import Objective
from zenml.steps.trainer.training import Training
from zenml_tensorflow.base import TFBaseTrainerStep

if TYPE_CHECKING:
    import keras


class TFFeedForwardTrainer(TFBaseTrainerStep, FeedForwardTrainer):
    """Train a feed-forward network with Keras on TensorFlow; of several labels, each has an output of its own.

    Args:
        batch_size: rows of a step of the optimizer.
        lr: learning rate of the optimizer.
        epochs: how often to go over the data, at most.
        dropout_chance: the chance of a unit of a hidden layer to be left out in a step of the optimizer.
        loss: `binary_crossentropy`, `categorical_crossentropy`, `mse`, `mae` or `huber`; by default the one that fits
            the labels.
        metrics: what to measure on the split `eval` after each epoch, such as `["accuracy"]`.
        hidden_layers: units of each hidden layer; None for the usual ones.
        hidden_activation: of the hidden layers: `relu`, `gelu`, `tanh`, …
        last_activation: of the outputs; by default the one that goes with the loss.
        input_units: columns of the features; by default what the data have. Another number is an error.
        output_units: units of the outputs; by default what the labels need. Another number is an error.
        optimizer: `adam`, `adamw`, `nadam`, `sgd`, `rmsprop` or `adagrad`.
        threads: how many threads an operation may use; see `Trainer`.
    """

    CACHE_VERSION: ClassVar[int | None] = 1

    batch_size: int = Field(default=8, ge=1)
    lr: float = Field(default=0.0001, gt=0, allow_inf_nan=False)
    epochs: int = Field(default=1, ge=1)

    @field_validator("hidden_layers", mode="before")
    @classmethod
    def _usual_layers(cls, value: Any) -> Any:
        return cls.model_fields["hidden_layers"].get_default(call_default_factory=True) if value is None else value

    def model_fn(self, training: Training, objective: Objective) -> keras.Model:
        """Return the network that the fields describe."""
        from zenml_tensorflow.network import feed_forward

        heads = 1 if objective.kind == "classes" else len(objective.labels)
        return feed_forward(self.layers(training, objective), heads)
