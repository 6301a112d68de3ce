"""Vertex AI does all that a training backend must."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from zenml.testing.linear_network import LinearNetwork
from zenml.testing.training_backend import RemoteTrainingBackendConformance


class TestSingleGPU(RemoteTrainingBackendConformance):
    EPOCHS = 12

    @pytest.fixture
    def backend(self, make: Callable[..., Any]) -> Any:
        return make()

    @pytest.fixture
    def trainer(self) -> Callable[..., LinearNetwork]:
        return lambda **config: LinearNetwork(**{"epoch_seconds": 0.3, **config})
