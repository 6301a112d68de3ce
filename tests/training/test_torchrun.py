"""Training in several processes: one that dies, others that are refused, machines that meet."""

from __future__ import annotations

import shutil
from pathlib import Path

import psutil
import pytest

from zenml.datasources import CSVDatasource
from zenml.errors import RunFailed, SpecError
from zenml.pipelines import TrainingPipeline
from zenml.steps.base import Step
from zenml.steps.preprocesser import StandardPreprocesser
from zenml.steps.split import RandomSplit

pytest.importorskip("torch", reason="PyTorch is not installed. Run: pip install zenml-pytorch")

from zenml.backends.training import TrainingTorchBackend, TrainingTorchrunBackend

MODELS = Path(__file__).parents[2] / "packages" / "zenml-pytorch" / "tests" / "torch_models.py"


@pytest.fixture
def own(project: Path, monkeypatch: pytest.MonkeyPatch):
    """The user's own trainers, as a module of the repository."""
    shutil.copy(MODELS, project / "own_models.py")
    monkeypatch.syspath_prepend(str(project))
    import own_models

    return own_models


def pipeline(trainer: Step, diabetes: Path) -> TrainingPipeline:
    made = TrainingPipeline(name="Together")
    made.add_datasource(CSVDatasource(name="Pima", path=str(diabetes)))
    made.add_split(RandomSplit(split_map={"train": 0.7, "eval": 0.3}))
    made.add_preprocesser(StandardPreprocesser(labels=["has_diabetes"]))
    made.add_trainer(trainer)
    return made


def test_a_process_that_dies_is_started_again_within_its_budget(own, project, diabetes):
    two = TrainingTorchrunBackend(nproc_per_node=2, device="cpu", max_restarts=1)
    config = {"epochs": 4, "batch_size": 64, "export": False}
    dying = own.DiesOnce(mark=str(project / "died"), **config).with_backend(two)
    run = pipeline(dying, diabetes).run()
    assert (project / "died").read_text() == "x"
    assert "going on after epoch" in run.logs("trainer")
    assert [row["epoch"] for row in run.steps["trainer"].history] == [1, 2, 3, 4]


def test_one_that_dies_too_often_fails_the_step(own, project, diabetes):
    two = TrainingTorchrunBackend(nproc_per_node=2, device="cpu", max_restarts=0)
    dying = own.DiesOnce(mark=str(project / "died"), epochs=4, export=False).with_backend(two)
    with pytest.raises(RunFailed, match="the training"):
        pipeline(dying, diabetes).run()
    assert not [row for row in psutil.process_iter(["cmdline"]) if str(project) in " ".join(row.info["cmdline"] or ())]


def test_a_trainer_of_another_framework_is_refused_before_anything_runs(diabetes, project):
    sklearn = pytest.importorskip("zenml_sklearn.trainer", reason="Run: pip install zenml-sklearn")
    trainer = sklearn.SklearnTrainer(estimator="LogisticRegression").with_backend(TrainingTorchrunBackend())
    with pytest.raises(SpecError, match="trains models of torch, and this is one of scikit-learn"):
        pipeline(trainer, diabetes).run()


def test_mixed_precision_gives_another_model_that_is_about_as_good(own, project, diabetes):
    def trained(precision):
        trainer = own.OwnModel(epochs=4, lr=0.01, export=False, metrics=["roc_auc"])
        backend = TrainingTorchBackend(device="cpu", precision=precision)
        return pipeline(trainer.with_backend(backend), diabetes).run().steps["trainer"]

    half, full = trained("bfloat16"), trained("float32")
    assert half.outputs["model"].digest != full.outputs["model"].digest
    assert half.history[-1]["eval_loss"] == pytest.approx(full.history[-1]["eval_loss"], rel=0.1)
