"""load_model: a model bundle, ready to predict from raw features."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt
import pyarrow as pa

from zenml.data.transforms import Transform
from zenml.errors import ConfigError, DataError
from zenml.steps.trainer.base import Trainer
from zenml.steps.trainer.bundle import Bundle, read_bundle
from zenml.steps.trainer.prediction import Prediction, Predictor
from zenml.steps.trainer.reader import label_array


@dataclass(frozen=True)
class LoadedModel:
    """A model with its transform.

    Args:
        bundle: what the bundle says of itself.
        transform: the bundle's own transform.
        predictor: predicts from transformed features.
    """

    bundle: Bundle
    transform: Transform
    predictor: Predictor

    def predict(self, batch: pa.RecordBatch) -> Mapping[str, Prediction]:
        """Predict from raw rows.

        Args:
            batch: the raw features, as `signature.json` names and types them; other columns are ignored.

        Returns:
            a prediction by label.
        """
        return self.predictor(self.transform.matrix(self.transform.apply(batch)))

    def predict_and_observe(
        self, batch: pa.RecordBatch
    ) -> tuple[Mapping[str, Prediction], Mapping[str, npt.NDArray[Any]]]:
        """Predict from raw rows that hold the labels too.

        Returns:
            a prediction by label, and the true values by label as transformed data write them: int64 codes, or float64
            with NaN where a row has none.
        """
        transformed = self.transform.apply(batch)
        truths = {label.name: label_array(transformed.column(label.name)) for label in self.bundle.labels}
        return self.predictor(self.transform.matrix(transformed)), truths


def load_model(path: Path) -> LoadedModel:
    """Load the model bundle in the folder `path`.

    The bundle names its trainer; that class, found like any step, reads the model's files.

    Raises:
        DataError: the bundle is damaged or of a newer format.
        ConfigError: it names a type that is no trainer.
        PluginError: no installed plugin offers its trainer.
    """
    from zenml.plugins.registry import load_type

    bundle = read_bundle(path)
    kind = load_type(bundle.trainer, Trainer.KINDS)
    if not issubclass(kind, Trainer) or inspect.isabstract(kind):
        raise ConfigError(f"the model bundle names {bundle.trainer}, which is no trainer that can load it", str(path))
    transform = Transform.load(bundle.transform_folder)
    missing = [label.name for label in bundle.labels if label.name not in transform.labels]
    if missing:
        raise DataError(f"the model bundle's transform does not know the label {', '.join(missing)}", str(path))
    return LoadedModel(bundle, transform, kind.load_bundle(bundle))
