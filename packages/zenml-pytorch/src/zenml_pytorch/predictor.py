"""TorchPredictor: predictions of a network whose weights lie in a model bundle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from zenml.errors import DataError
from zenml.steps.trainer.bundle import Bundle
from zenml.steps.trainer.objective import Objective
from zenml.steps.trainer.prediction import Prediction
from zenml_pytorch.losses import LAYERS
from zenml_pytorch.persistence import load_weights

_ROWS = 1 << 16


class TorchPredictor:
    """Predicts on the CPU.

    Args:
        bundle: the bundle.
        network: the network, whose weights are replaced by those of the bundle.
        objective: what its outputs mean.
        activation: the last one.
        threads: how many threads to compute with.

    Raises:
        DataError: the weights are missing or damaged, or the bundle names an activation that there is not.
    """

    def __init__(self, bundle: Bundle, network: Any, objective: Objective, activation: str, threads: int) -> None:
        if activation not in LAYERS:
            raise DataError(
                f"the model bundle names an activation {activation!r}, which there is not", str(bundle.path)
            )
        load_weights(network, bundle.model_folder)
        self._network = torch.nn.Sequential(network, LAYERS[activation]()).eval()
        self._objective = objective
        self._threads = threads

    def __call__(self, features: npt.NDArray[np.float32]) -> Mapping[str, Prediction]:
        """Predict from transformed features (rows, width)."""
        before = torch.get_num_threads()
        torch.set_num_threads(self._threads)
        try:
            with torch.inference_mode():
                parts = [
                    self._network(torch.from_numpy(np.ascontiguousarray(features[start : start + _ROWS]))).numpy()
                    for start in range(0, max(1, len(features)), _ROWS)
                ]
        finally:
            torch.set_num_threads(before)
        return self._objective.predictions(np.concatenate(parts))
