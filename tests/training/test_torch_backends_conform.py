from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed. Run: pip install zenml-pytorch")

from zenml.backends.training import TrainingTorchBackend, TrainingTorchrunBackend
from zenml.steps.trainer import TorchFeedForwardTrainer
from zenml.testing.training_backend import TrainingBackendConformance


class OfTorch(TrainingBackendConformance):
    @pytest.fixture
    def trainer(self):
        def make(**config):
            return TorchFeedForwardTrainer(**{"hidden_layers": [8], "export": False, **config})

        return make


class TestTrainingTorchBackend(OfTorch):
    @pytest.fixture
    def backend(self):
        return TrainingTorchBackend(device="cpu")


class TestTrainingTorchrunBackend(OfTorch):
    EPOCHS = 60

    @pytest.fixture
    def backend(self):
        return TrainingTorchrunBackend(nproc_per_node=2, device="cpu")
