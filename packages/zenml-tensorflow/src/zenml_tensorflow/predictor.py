"""KerasPredictor: the Keras model of a bundle, ready to predict."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from zenml.errors import DataError
from zenml.steps.trainer.bundle import Bundle
from zenml.steps.trainer.names import LOSSES
from zenml.steps.trainer.objective import Objective
from zenml.steps.trainer.prediction import Prediction
from zenml_tensorflow.archive import read_model
from zenml_tensorflow.fitting import MODEL_FILE, OUTPUTS_FILE
from zenml_tensorflow.forward import forward
from zenml_tensorflow.heads import Heads
from zenml_tensorflow.session import limit_threads, load_keras


class KerasPredictor:
    """Predicts every label of a bundle from transformed features.

    Args:
        bundle: the bundle; its model is loaded at once.
        threads: how many threads TensorFlow may use, where this process has not computed with it before.

    Raises:
        DataError: a file is missing, damaged or not safe, or does not fit what the bundle says of its labels.
    """

    def __init__(self, bundle: Bundle, threads: int) -> None:
        load_keras()
        limit_threads(threads, lambda _: None)
        self._objective = Objective(_loss(bundle), bundle.labels)
        path = bundle.model_folder / MODEL_FILE
        model = read_model(path)
        self._forward = forward(model)
        like = getattr(model, "_outputs_struct", None)  # Keras has no public name for it
        self._heads = Heads(self._objective, like)
        try:
            tried = self._forward(np.zeros((2, model.input_shape[-1]), np.float32))
        except Exception as error:  # a model of another kind makes TensorFlow raise anything
            raise DataError(f"the model file holds no model of features ({type(error).__name__})", str(path)) from error
        self._heads.refuse_unfit(tried, str(path))

    def __call__(self, features: npt.NDArray[np.float32]) -> Mapping[str, Prediction]:
        """Predict from transformed features of shape (rows, width); see `Predictor`."""
        return self._objective.predictions(self._heads.joined(self._forward(features)))


def _loss(bundle: Bundle) -> str:
    path = bundle.model_folder / OUTPUTS_FILE
    try:
        row: Any = json.loads(path.read_bytes())
        loss = str(row["loss"])
    except FileNotFoundError:
        raise DataError("the model's file of outputs is missing", str(path)) from None
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"the model's file of outputs is damaged ({error})", str(path)) from error
    if loss not in LOSSES:
        raise DataError(f"the model was trained with {loss!r}, which this ZenML does not know", str(path))
    return loss
