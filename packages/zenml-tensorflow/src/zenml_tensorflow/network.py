"""Feed-forward networks, losses and optimizers in Keras, by the names that trainers of all frameworks share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zenml.steps.trainer.feed_forward import Layers
from zenml_tensorflow.heads import Heads
from zenml_tensorflow.saved_model import INPUT

LOSSES: Mapping[str, str] = {
    "binary_crossentropy": "BinaryCrossentropy",
    "categorical_crossentropy": "SparseCategoricalCrossentropy",
    "mse": "MeanSquaredError",
    "mae": "MeanAbsoluteError",
    "huber": "Huber",
}
"""Keras' class of each loss."""

OPTIMIZERS: Mapping[str, str] = {
    "adagrad": "Adagrad",
    "adam": "Adam",
    "adamw": "AdamW",
    "nadam": "Nadam",
    "rmsprop": "RMSprop",
    "sgd": "SGD",
}
"""Keras' class of each optimizer."""

_ROWS_PER_CALL = 16_384
_MOST_STEPS = 64


def feed_forward(layers: Layers, heads: int) -> Any:
    """Return a feed-forward network; of several labels, each has an output layer of its own.

    Args:
        layers: its shape.
        heads: how many outputs share the units of the last layer.
    """
    import keras

    features = keras.Input((layers.inputs,), name=INPUT)
    made = features
    for number, units in enumerate(layers.hidden):
        made = keras.layers.Dense(units, activation=layers.activation, name=f"hidden_{number}")(made)
        if layers.dropout:
            made = keras.layers.Dropout(layers.dropout, name=f"dropout_{number}")(made)
    units = layers.outputs // heads
    outputs = [
        keras.layers.Dense(units, activation=layers.last_activation, dtype="float32", name=f"output_{number}")(made)
        for number in range(heads)
    ]
    return keras.Model(features, outputs if heads > 1 else outputs[0], name="feed_forward")


def compile_model(model: Any, heads: Heads, optimizer: str, lr: float, batch_size: int) -> None:
    """Compile a model for what its outputs are trained towards.

    The losses of several labels are averaged, and so are those of rows, by their weights. Several steps of the
    optimizer are taken in one call where batches are small: the call costs more than they do.
    """
    import keras

    objective, count = heads.objective, heads.count
    kind = getattr(keras.losses, LOSSES[objective.loss])
    reduction = "mean_with_sample_weight" if objective.weighed else "sum_over_batch_size"
    model.compile(
        optimizer=getattr(keras.optimizers, OPTIMIZERS[optimizer])(learning_rate=lr),
        loss=heads.packed([kind(reduction=reduction) for _ in range(count)]),
        loss_weights=heads.packed([1 / count] * count) if count > 1 else None,
        steps_per_execution=max(1, min(_MOST_STEPS, _ROWS_PER_CALL // batch_size)),
    )
