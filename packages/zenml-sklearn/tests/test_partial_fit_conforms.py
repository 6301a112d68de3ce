from __future__ import annotations

import pytest

from zenml.backends.training import TrainingBaseBackend
from zenml.steps.trainer import SklearnPartialFitTrainer
from zenml.testing.training_backend import TrainingBackendConformance


class TestPartialFitOnTheBaseBackend(TrainingBackendConformance):
    EPOCHS = 100

    @pytest.fixture
    def backend(self):
        return TrainingBaseBackend()

    @pytest.fixture
    def trainer(self):
        def make(**config):
            parameters = {"loss": "log_loss"}
            return SklearnPartialFitTrainer(estimator="SGDClassifier", parameters=parameters, batch_size=8, **config)

        return make
