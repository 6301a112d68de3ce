from __future__ import annotations

import pytest

pytest.importorskip("zenml_tensorflow", reason="TensorFlow is not installed. Run: pip install zenml-tensorflow")

from zenml.backends.training import TrainingBaseBackend
from zenml.steps.trainer import TFFeedForwardTrainer
from zenml.testing.training_backend import TrainingBackendConformance


class TestTrainingBaseBackend(TrainingBackendConformance):
    EPOCHS = 80

    @pytest.fixture
    def backend(self):
        return TrainingBaseBackend()

    @pytest.fixture
    def trainer(self):
        def make(**config):
            return TFFeedForwardTrainer(**{"hidden_layers": [8], **config})

        return make
