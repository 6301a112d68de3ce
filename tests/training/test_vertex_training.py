"""Trainers of the frameworks on Vertex AI: on one machine, and on two that share each batch."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("zenml_gcp", reason="zenml-gcp is not installed. Run: pip install zenml-gcp")
pytest.importorskip("googleapiclient", reason="Run: pip install google-api-python-client")
pytest.importorskip("gcp_storage_emulator", reason="Run: pip install gcp-storage-emulator")

sys.path.insert(0, str(Path(__file__).parents[1] / "gcp"))  # where the doubles lie
sys.path.insert(0, str(Path(__file__).parents[1] / "gcp" / "vertex"))
sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))  # and the quickstart

from google_double import GoogleDouble
from google_double.others import PROJECT
from quickstart_for_tests import quickstart
from vertex_double import Vertex
from vertex_world import google_with_vertex, new_job_dir, staged

from zenml.backends.training import SingleGPUTrainingGCAIPBackend, TrainingGCAIPBackend
from zenml.errors import PluginError
from zenml.metadata.records import State
from zenml.repo import Repository
from zenml.runtime.run import Run
from zenml.steps import trainer as trainers
from zenml.steps.trainer.network import NetworkTrainer
from zenml.testing.emulators import gcs_emulator
from zenml.testing.training_backend import RemoteTrainingBackendConformance

Checked = Callable[[Run], Vertex]


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[GoogleDouble, dict[str, Any], Checked]]:
    """A double of Google Cloud, the fields that lead there, and what checks a run and that nothing is left of it."""
    with gcs_emulator() as storage, google_with_vertex(tmp_path, storage, monkeypatch) as google:
        job_dir = new_job_dir(google, storage)

        def checked(run: Run) -> Vertex:
            assert run.state is State.COMPLETE
            assert run.metrics["roc_auc"] > 0.7
            assert staged(storage, job_dir) == []
            assert Repository.get_instance().garbage(older_than=0).find() == []
            vertex = google.service(Vertex)
            assert [job.state for job in vertex.jobs] == ["JOB_STATE_SUCCEEDED"]
            return vertex

        yield google, {"project": PROJECT, "job_dir": job_dir, "endpoint_url": google.url}, checked


def test_the_documented_snippet_trains_a_tensorflow_model_that_is_evaluated_here(
    cloud: tuple[GoogleDouble, dict[str, Any], Checked], project: Path, diabetes: Path
) -> None:
    try:
        trainers.TFFeedForwardTrainer  # noqa: B018 - looking for it loads it
    except PluginError as error:
        pytest.skip(str(error))
    _, fields, checked = cloud
    backend = SingleGPUTrainingGCAIPBackend(**fields)
    trainer = trainers.TFFeedForwardTrainer(
        loss="binary_crossentropy",
        last_activation="sigmoid",
        output_units=1,
        metrics=["accuracy"],
        epochs=8,
        lr=0.01,
    ).with_backend(backend)
    run = quickstart(diabetes, trainer=trainer).run()
    vertex = checked(run)
    assert [row["epoch"] for row in run.steps["trainer"].history] == list(range(1, 9))
    assert "Vertex AI trains: https://console.cloud.google.com/ai/platform/" in run.logs("trainer")
    assert vertex.jobs[0].body["labels"]["zenml-run"] == run.id


def test_two_machines_train_one_pytorch_model_together(
    cloud: tuple[GoogleDouble, dict[str, Any], Checked], project: Path, diabetes: Path
) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed. Run: pip install zenml-pytorch")
    _, fields, checked = cloud
    config = {"epochs": 4, "lr": 0.01, "export": False, "dropout_chance": 0.0}
    backend = TrainingGCAIPBackend(**fields, replica_count=2, machine_type="e2-standard-4")
    run = quickstart(diabetes, trainer=trainers.TorchFeedForwardTrainer(**config).with_backend(backend)).run()
    vertex = checked(run)
    assert [replica.name for replica in vertex.jobs[0].replicas] == ["workerpool0-0", "workerpool1-0"]
    alone = quickstart(diabetes, trainer=trainers.TorchFeedForwardTrainer(**config)).run()
    for together, single in zip(run.steps["trainer"].history, alone.steps["trainer"].history, strict=True):
        assert together["loss"] == pytest.approx(single["loss"], rel=0.001)


@pytest.mark.skipif("ZENML_FULL_SUITES" not in os.environ, reason="ZENML_FULL_SUITES is not set: this takes minutes")
class TestTwoReplicas(RemoteTrainingBackendConformance):
    EPOCHS = 60

    @pytest.fixture
    def backend(self, cloud: tuple[GoogleDouble, dict[str, Any], Checked]) -> TrainingGCAIPBackend:
        return TrainingGCAIPBackend(**cloud[1], replica_count=2, machine_type="e2-standard-4")

    @pytest.fixture
    def trainer(self) -> Callable[..., NetworkTrainer]:
        pytest.importorskip("torch", reason="PyTorch is not installed. Run: pip install zenml-pytorch")
        return lambda **config: trainers.TorchFeedForwardTrainer(**{"hidden_layers": [8], "export": False, **config})
