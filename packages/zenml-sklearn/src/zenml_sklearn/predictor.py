"""SklearnPredictor: the estimators of a model bundle, ready to predict."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from zenml.errors import DataError
from zenml.steps.trainer.bundle import Bundle
from zenml.steps.trainer.prediction import LabelInfo, Prediction
from zenml_sklearn.aside import kept_columns
from zenml_sklearn.persistence import load


class SklearnPredictor:
    """Predicts every label of a bundle from transformed features.

    Args:
        bundle: the bundle; its estimators are loaded at once.
        threads: how many BLAS and OpenMP threads to use.
        own: classes of the user's own that may be in it, `module:Class`.

    Raises:
        DataError: a file is missing, damaged or not trusted, or does not fit what the bundle says of its label.
    """

    def __init__(self, bundle: Bundle, threads: int, own: Collection[str] = ()) -> None:
        from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped] # it ships no types

        self._threads = threads
        self._kept = kept_columns(bundle.model_folder)
        self._estimators: list[tuple[LabelInfo, Any]] = []
        for number, label in enumerate(bundle.labels):
            path = bundle.model_folder / f"{number}.zip"
            estimator = load(path, own)
            if not _fits(estimator, label):
                raise DataError(f"the model file does not hold a {label.task} of {label.name}", str(path))
            self._estimators.append((label, estimator))
        self._controller = ThreadpoolController()

    def __call__(self, features: npt.NDArray[np.float32]) -> Mapping[str, Prediction]:
        """Predict from transformed features of shape (rows, width); see `Predictor`."""
        with self._controller.limit(limits=self._threads):
            if self._kept is not None:
                features = self._learned_from(features, *self._kept)
            return {label.name: predict(label, estimator, features) for label, estimator in self._estimators}

    def _learned_from(
        self, features: npt.NDArray[np.float32], width: int, kept: Sequence[int]
    ) -> npt.NDArray[np.float32]:
        if features.shape[1] != width:
            raise DataError(f"the model takes features of {width} columns, and these have {features.shape[1]}")
        return np.ascontiguousarray(features[:, kept])


def _fits(estimator: Any, label: LabelInfo) -> bool:
    from sklearn.base import is_classifier, is_regressor

    if label.task == "regression":
        return bool(is_regressor(estimator))
    return bool(is_classifier(estimator)) and tuple(getattr(estimator, "classes_", ())) == label.codes


def predict(label: LabelInfo, estimator: Any, features: npt.NDArray[np.float32]) -> Prediction:
    """Return what a fitted estimator says of a label, from the features that it was fitted on."""
    if len(features) == 0:
        return _nothing(label)
    if label.task == "regression":
        return Prediction(label, np.asarray(estimator.predict(features), np.float64).reshape(len(features)))
    values = np.searchsorted(estimator.classes_, estimator.predict(features)).astype(np.int64)
    scores, calibrated = _scores(estimator, features, values, len(label.codes))
    return Prediction(label, values, scores, calibrated)


def _scores(
    estimator: Any, features: npt.NDArray[np.float32], values: npt.NDArray[np.int64], classes: int
) -> tuple[npt.NDArray[np.float64], bool]:
    """Return a score per row and class, and whether the scores are probabilities."""
    if hasattr(estimator, "predict_proba"):
        return _doubles(estimator.predict_proba(features)), True
    if hasattr(estimator, "decision_function") and getattr(estimator, "decision_function_shape", "ovr") != "ovo":
        scores = np.asarray(estimator.decision_function(features), np.float64)
        if scores.ndim == 1:
            return np.column_stack([-scores, scores]), False
        if scores.shape[1] == classes:
            return scores, False
    return np.eye(classes)[values], False


def _doubles(given: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return probabilities as float64; single precision ones, which sum to 1 only nearly, are scaled to do so."""
    made: npt.NDArray[np.float64] = given.astype(np.float64, copy=False)
    return made if given.dtype == np.float64 else made / made.sum(axis=1, keepdims=True)


def _nothing(label: LabelInfo) -> Prediction:
    if label.task == "regression":
        return Prediction(label, np.empty(0, np.float64))
    return Prediction(label, np.empty(0, np.int64), np.empty((0, len(label.codes)), np.float64))
