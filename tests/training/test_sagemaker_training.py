"""Trainers of the frameworks on SageMaker: on one instance, and on two that share each batch."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("zenml_aws", reason="zenml-aws is not installed. Run: pip install zenml-aws")
pytest.importorskip("moto", reason="moto is not installed. Run: pip install moto[server]")

sys.path.insert(0, str(Path(__file__).parents[1] / "aws"))  # where the doubles lie
sys.path.insert(0, str(Path(__file__).parents[1] / "aws" / "sagemaker"))
sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))  # and the quickstart

from quickstart_for_tests import quickstart
from sagemaker_double import SagemakerDouble
from sagemaker_fixtures import Make, home, job_dir, make, s3, sagemaker, served

from zenml.errors import PluginError
from zenml.metadata.records import State
from zenml.repo import Repository
from zenml.runtime.run import Run
from zenml.steps import trainer as trainers
from zenml.steps.trainer.network import NetworkTrainer
from zenml.testing.training_backend import RemoteTrainingBackendConformance
from zenml_aws.sagemaker.backend import TrainingSagemakerBackend
from zenml_aws.sagemaker.distributed import DistributedTrainingSagemakerBackend

__all__ = ["home", "job_dir", "make", "s3", "sagemaker", "served"]  # fixtures


@pytest.fixture(autouse=True)
def _image(sagemaker: SagemakerDouble) -> None:
    """Let nobody look for images."""
    sagemaker.denied.add("ecr:DescribeImages")


def checked(run: Run, double: SagemakerDouble, backend: TrainingSagemakerBackend) -> None:
    """Check that a run came to a model that was evaluated here, and that nothing is left of it elsewhere."""
    assert run.state is State.COMPLETE
    assert run.metrics["roc_auc"] > 0.7
    (job,) = double.training.jobs.values()
    double.wait_for(lambda: job.over.is_set())
    assert job.status == "Completed"
    assert backend.staging.transport.sizes("") == {}
    assert Repository.get_instance().garbage(older_than=0).find() == []


def two_instances(make: Make) -> TrainingSagemakerBackend:
    """Return a backend whose instances meet at a port that is free: here other jobs may run on the same machine."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        environment = {"MASTER_PORT": str(found.getsockname()[1])}
    return make(DistributedTrainingSagemakerBackend, instance_count=2, environment=environment)


def test_one_more_argument_trains_a_tensorflow_model_that_is_evaluated_here(
    sagemaker: SagemakerDouble,
    make: Make,
    project: Path,
    diabetes: Path,
) -> None:
    try:
        trainers.TFFeedForwardTrainer  # noqa: B018 - looking for it loads it
    except PluginError as error:
        pytest.skip(str(error))
    backend = make(instance_type="ml.g5.xlarge", spot=True)
    trainer = trainers.TFFeedForwardTrainer(
        loss="binary_crossentropy",
        last_activation="sigmoid",
        output_units=1,
        metrics=["accuracy"],
        epochs=8,
        lr=0.01,
    ).with_backend(backend)
    run = quickstart(diabetes, trainer=trainer).run()
    checked(run, sagemaker, backend)
    assert [row["epoch"] for row in run.steps["trainer"].history] == list(range(1, 9))


def test_two_instances_train_one_pytorch_model_together(
    sagemaker: SagemakerDouble,
    make: Make,
    project: Path,
    diabetes: Path,
) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed. Run: pip install zenml-pytorch")
    backend = two_instances(make)
    config = {"epochs": 4, "lr": 0.01, "export": False, "dropout_chance": 0.0}
    run = quickstart(diabetes, trainer=trainers.TorchFeedForwardTrainer(**config).with_backend(backend)).run()
    checked(run, sagemaker, backend)
    (job,) = sagemaker.training.jobs.values()
    assert [instance.host for instance in job.instances] == ["127.0.0.1", "127.0.0.2"]
    alone = quickstart(diabetes, trainer=trainers.TorchFeedForwardTrainer(**config)).run()
    for together, single in zip(run.steps["trainer"].history, alone.steps["trainer"].history, strict=True):
        assert together["loss"] == pytest.approx(single["loss"], rel=0.001)


@pytest.mark.skipif("ZENML_FULL_SUITES" not in os.environ, reason="ZENML_FULL_SUITES is not set: this takes minutes")
class TestTwoInstances(RemoteTrainingBackendConformance):
    EPOCHS = 60

    @pytest.fixture
    def backend(self, make: Make) -> TrainingSagemakerBackend:
        return two_instances(make)

    @pytest.fixture
    def trainer(self) -> Callable[..., NetworkTrainer]:
        pytest.importorskip("torch", reason="PyTorch is not installed. Run: pip install zenml-pytorch")
        return lambda **config: trainers.TorchFeedForwardTrainer(**{"hidden_layers": [8], "export": False, **config})
