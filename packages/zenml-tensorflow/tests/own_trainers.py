"""Trainers with models of their own, as users write them."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from zenml_tensorflow.base import TFBaseTrainerStep
from zenml_tensorflow.dataset import as_dataset


@keras.saving.register_keras_serializable(package="own")
class Doubled(keras.layers.Layer):
    def call(self, features):
        return 2 * features


class Unregistered(keras.layers.Layer):
    def call(self, features):
        return features


def network(training, objective, *layers, last="sigmoid"):
    features = keras.Input((training.train.width,))
    made = features
    for layer in layers:
        made = layer(made)
    return keras.Model(features, keras.layers.Dense(objective.outputs, activation=last)(made))


class OwnTrainer(TFBaseTrainerStep):
    """What `kind` says."""

    kind: str = "registered"
    fail_at: int = 0
    stop_at: int = 0

    def model_fn(self, training, objective):
        match self.kind:
            case "registered":
                return network(training, objective, Doubled(), keras.layers.Dense(8), keras.layers.Dropout(0.3))
            case "sequential":
                return keras.Sequential([keras.layers.Dense(8), keras.layers.Dense(1, activation="sigmoid")])
            case "lambda":
                return network(training, objective, keras.layers.Lambda(lambda x: x + 1))
            case "unregistered":
                return network(training, objective, Unregistered())
            case "wide":
                features = keras.Input((training.train.width,))
                return keras.Model(features, keras.layers.Dense(3, activation="sigmoid")(features))
            case "logits":
                return network(training, objective, keras.layers.Dense(8), keras.layers.Rescaling(100.0), last=None)
            case "by label":
                features = keras.Input((training.train.width,))
                outputs = {
                    label.name: keras.layers.Dense(1, activation="sigmoid", name=label.name)(features)
                    for label in reversed(objective.labels)
                }
                return keras.Model(features, outputs)
            case "misnamed":
                features = keras.Input((training.train.width,))
                made = [keras.layers.Dense(1, activation="sigmoid")(features) for _ in objective.labels]
                return keras.Model(features, {f"x{number}": output for number, output in enumerate(made)})
            case "one output":
                return network(training, objective)
            case "compiled":
                model = network(training, objective, last="softmax")
                model.compile(keras.optimizers.SGD(0.5), "categorical_crossentropy")
                return model
            case "exhausting":
                raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor with shape[9,9]")
            case "no model":
                return 42
        raise AssertionError(self.kind)

    def callbacks(self, training):
        return [Breaking(self.fail_at, self.stop_at)] if self.fail_at or self.stop_at else []


class Breaking(keras.callbacks.Callback):
    """Halves the learning rate every other epoch, which it counts, and breaks off where it is told to."""

    def __init__(self, fail_at, stop_at):
        super().__init__()
        self.fail_at, self.stop_at, self.seen = fail_at, stop_at, 0

    def on_epoch_end(self, epoch, logs=None):
        assert logs["val_loss"] == logs["eval_loss"]
        self.seen += 1
        assert self.seen == epoch + 1
        if self.seen % 2 == 0:
            self.model.optimizer.learning_rate.assign(self.model.optimizer.learning_rate / 2)
        if self.seen == self.stop_at:
            self.model.stop_training = True

    def on_train_batch_end(self, batch, logs=None):
        assert isinstance(logs["loss"], float)
        if self.seen + 1 == self.fail_at:
            raise MemoryError("broken off")


class LoopTrainer(TFBaseTrainerStep):
    """Trains in a loop of its own."""

    def model_fn(self, training, objective):
        return network(training, objective)

    def train_fn(self, model, training, objective):
        view = training.train.batch_view(self.batch_size, seed=training.seed, prepare=objective.arrays)
        rows = as_dataset(view)
        for epoch in range(1, self.epochs + 1):
            losses = [float(model.train_on_batch(*batch)) for batch in rows]
            training.record_epoch(epoch, {"loss": float(np.mean(losses))})
