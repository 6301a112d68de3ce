"""What comes before and after the epochs of a Keras model: whether it fits the labels, and its files."""

from __future__ import annotations

from typing import Any

from zenml.errors import ConfigError
from zenml.steps.trainer.bundle import write_json
from zenml.steps.trainer.objective import Objective
from zenml.steps.trainer.training import Training
from zenml_tensorflow.archive import canonical_config, read_model, refuse_unsafe, write_model
from zenml_tensorflow.heads import Heads
from zenml_tensorflow.saved_model import write_saved_model

MODEL_FILE, SAVED_MODEL, OUTPUTS_FILE = "model.keras", "saved_model", "outputs.json"

_TRIED_ROWS = 4


def heads_of(model: Any, objective: Objective, training: Training) -> Heads:
    """Return how a model's outputs belong to the labels; builds a model that is not built yet.

    Raises:
        ConfigError: the model cannot be saved, or not be read again safely.
        DataError: its outputs do not fit the labels.
    """
    import keras

    features, _ = next(training.train.matrices())
    outputs = model(features[:_TRIED_ROWS], training=False)
    heads = Heads(objective, outputs, _takes_one_hot(model))
    heads.refuse_unfit([output.numpy() for output in keras.tree.flatten(outputs)], training.name)
    try:
        refuse_unsafe(canonical_config(keras.saving.serialize_keras_object(model)), training.name)
    except NotImplementedError as error:
        raise ConfigError(f"the model cannot be saved: {error}".strip(), training.name) from error
    return heads


def write_files(model: Any, heads: Heads, training: Training) -> None:
    """Write a trained model in both formats, and what its outputs are."""
    path = training.folder / MODEL_FILE
    write_model(model, path)
    names = [f"output_{number}" for number in heads.places]
    write_saved_model(read_model(path), training.train.width, names, training.folder / SAVED_MODEL)
    write_json(training.folder / OUTPUTS_FILE, {"loss": heads.objective.loss})


def _takes_one_hot(model: Any) -> bool:
    import keras

    loss = model.loss if model.compiled else None
    return loss == "categorical_crossentropy" or isinstance(loss, keras.losses.CategoricalCrossentropy)
