"""Pipelines whose trainer runs on SageMaker, to a model that is evaluated here; interrupted, and cleaned up after."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from planted_secrets import Planted, files_below, objects_in
from quickstart_for_tests import quickstart
from sagemaker_double import SagemakerDouble
from sagemaker_fixtures import Make

from zenml.metadata.records import State
from zenml.repo import Repository
from zenml.steps.trainer import SklearnTrainer
from zenml.testing.linear_network import LinearNetwork
from zenml.testing.training_backend import checkpoints

pytestmark = pytest.mark.xdist_group("sagemaker")

OWN_KEY = "planted-key-of-the-user-1729"


@pytest.fixture(autouse=True)
def _data(project: Path, diabetes: Path, sagemaker: SagemakerDouble) -> None:
    sagemaker.denied.add("ecr:DescribeImages")
    shutil.copy(diabetes, project)


def test_a_model_trained_on_sagemaker_is_that_of_a_local_run_and_evaluated_here(
    sagemaker: SagemakerDouble, make: Make, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", OWN_KEY)
    planted = Planted(OWN_KEY)
    backend = make()
    trainer = SklearnTrainer(estimator="LogisticRegression")
    there = quickstart("diabetes.csv", "There", trainer=trainer.with_backend(backend)).run()
    assert there.state is State.COMPLETE
    here = quickstart("diabetes.csv", "Here").run()
    assert there.metrics == here.metrics
    assert there.steps["trainer"].outputs["model"].digest == here.steps["trainer"].outputs["model"].digest

    ((name, done),) = sagemaker.training.jobs.items()
    sagemaker.wait_for(lambda: done.over.is_set())
    assert f"{name}: submitted: https://" in there.logs("trainer")
    assert {"Key": "zenml-run", "Value": there.id} in done.asked["Tags"]
    assert planted.seen_in([json.dumps(sagemaker.calls, default=str)]) == []
    assert planted.seen_in(files_below(*(instance.folder for instance in done.instances), project)) == []
    assert [*objects_in(backend.staging)] == []
    assert sagemaker.training.live() == []
    assert backend.list_runs() == Repository.get_instance().garbage(older_than=0).find() == []


def test_a_spot_job_that_is_interrupted_goes_on_to_the_model_of_one_that_was_not(
    sagemaker: SagemakerDouble, make: Make
) -> None:
    backend = make(spot=True)
    network = LinearNetwork(epochs=20, epoch_seconds=0.1).with_cache(False)
    whole = quickstart("diabetes.csv", "Whole", trainer=network.with_backend(backend), evaluator=None).run()
    sagemaker.training.interrupt_when = lambda: bool(checkpoints(backend))
    there = quickstart("diabetes.csv", "Interrupted", trainer=network.with_backend(backend), evaluator=None).run()
    first, second = sagemaker.training.jobs.values()
    assert (first.lives, second.lives) == (1, 2)
    stages = [stage for stage, _ in second.passed]
    assert stages[: stages.index("Interrupted") + 1] == ["Starting", "Downloading", "Training", "Interrupted"]
    assert "going on after epoch" in there.logs("trainer")
    assert "Interrupted: Spot capacity was taken back" in there.logs("trainer")
    assert there.steps["trainer"].history == whole.steps["trainer"].history
    assert there.steps["trainer"].outputs["model"].digest == whole.steps["trainer"].outputs["model"].digest
    assert backend.staging.list("shards") == []


RUN = """
from quickstart_for_tests import quickstart
from zenml.backends.interfaces import TrainingBackend
from zenml.steps.trainer import SklearnTrainer
trainer = SklearnTrainer(estimator="LogisticRegression")
backend = TrainingBackend.from_config({config!r})
quickstart("diabetes.csv", "Killed", trainer=trainer.with_backend(backend)).run()
"""


def test_what_a_killed_client_left_is_collected(sagemaker: SagemakerDouble, make: Make, project: Path) -> None:
    backend = make()
    sagemaker.training.plan[:] = ["wait"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    (project / "killed.py").write_text(RUN.format(config=backend.to_config()))
    with subprocess.Popen([sys.executable, "killed.py"], env=environment) as client:
        sagemaker.wait_for(lambda: any(job.stage == "Training" for job in sagemaker.training.jobs.values()))
        client.kill()
    (lost,) = Repository(project).get_runs()
    (run,) = backend.list_runs()
    assert (run.run_id, run.state) == (lost.id, State.RUNNING)
    Repository(project).garbage(older_than="0").delete()
    sagemaker.wait_for(lambda: not sagemaker.training.live())
    assert backend.list_runs() == []
    assert Repository(project).garbage(older_than="0").find() == []


def test_a_plan_shows_the_request(sagemaker: SagemakerDouble, make: Make) -> None:
    trainer = SklearnTrainer(estimator="LogisticRegression").with_backend(make())
    plan = quickstart("diabetes.csv", "Planned", trainer=trainer).plan()
    assert "CreateTrainingJob" in str(plan)
    assert sagemaker.calls == []
