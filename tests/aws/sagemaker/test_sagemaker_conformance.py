"""Training on SageMaker, under the suite of the conformance kit."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sagemaker_double import SagemakerDouble
from sagemaker_fixtures import Make

from zenml.steps.trainer.network import NetworkTrainer
from zenml.testing.linear_network import LinearNetwork
from zenml.testing.training_backend import RemoteTrainingBackendConformance
from zenml_aws.sagemaker.backend import TrainingSagemakerBackend


@pytest.mark.xdist_group("sagemaker")
class TestSagemaker(RemoteTrainingBackendConformance):
    EPOCHS = 40

    @pytest.fixture
    def backend(self, sagemaker: SagemakerDouble, make: Make) -> TrainingSagemakerBackend:
        """Return the backend; nobody looks for images."""
        sagemaker.denied.add("ecr:DescribeImages")
        return make()

    @pytest.fixture
    def trainer(self) -> Callable[..., NetworkTrainer]:
        """Return what makes a trainer in NumPy."""
        return lambda **config: LinearNetwork(**{"epoch_seconds": 0.02, **config})
