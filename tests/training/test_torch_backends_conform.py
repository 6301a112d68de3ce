from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed. Run: pip install zenml-pytorch")

from zenml.backends.training import TrainingBaseBackend, TrainingTorchBackend, TrainingTorchrunBackend
from zenml.steps.trainer import TorchFeedForwardTrainer
from zenml.testing.training_backend import TrainingBackendConformance


class OfTorch(TrainingBackendConformance):
    @pytest.fixture
    def trainer(self):
        def make(**config):
            return TorchFeedForwardTrainer(**{"hidden_layers": [8], "export": False, **config})

        return make


class TestTrainingBaseBackend(OfTorch):
    @pytest.fixture
    def backend(self):
        return TrainingBaseBackend()


class TestTrainingTorchBackend(OfTorch):
    @pytest.fixture
    def backend(self):
        return TrainingTorchBackend(device="cpu", precision="bfloat16")

    def test_it_comes_near_the_training_in_this_process(self):
        """In mixed precision it does not."""


class TestTrainingTorchrunBackend(OfTorch):
    EPOCHS = 60

    @pytest.fixture
    def backend(self):
        return TrainingTorchrunBackend(nproc_per_node=2, device="cpu")
