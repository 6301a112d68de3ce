"""The same pipeline with one line changed: trainers of all frameworks learn the same tables about as well."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from zenml.datasources import CSVDatasource
from zenml.pipelines import TrainingPipeline
from zenml.steps.base import Step
from zenml.steps.evaluator import AgnosticEvaluator
from zenml.steps.preprocesser import StandardPreprocesser
from zenml.steps.split import RandomSplit

NEAR = 0.03
NETWORK = {"metrics": ["roc_auc"], "early_stopping_patience": 5, "lr": 0.005}


def sklearn(**_) -> Step:
    pytest.importorskip("sklearn", reason="Run: pip install zenml-sklearn")
    from zenml.steps.trainer import SklearnTrainer

    return SklearnTrainer(estimator="LogisticRegression", parameters={"max_iter": 500})


def torch(**config) -> Step:
    pytest.importorskip("torch", reason="PyTorch is not installed. Run: pip install zenml-pytorch")
    from zenml.steps.trainer import TorchFeedForwardTrainer

    return TorchFeedForwardTrainer(export=False, **NETWORK, **config)


def tensorflow(**config) -> Step:
    for name in ("tensorflow", "zenml_tensorflow"):
        pytest.importorskip(name, reason="TensorFlow is not installed. Run: pip install zenml-tensorflow")
    from zenml.steps.trainer import TFFeedForwardTrainer

    return TFFeedForwardTrainer(**NETWORK, **config)


def roc_auc(trainer: Step, table: Path, label: str) -> float:
    pipeline = TrainingPipeline(name="Quality")
    pipeline.add_datasource(CSVDatasource(name="table", path=str(table), tfrecord=False))
    pipeline.add_split(RandomSplit(split_map={"train": 0.7, "eval": 0.3}))
    pipeline.add_preprocesser(StandardPreprocesser(labels=[label]))
    pipeline.add_trainer(trainer)
    pipeline.add_evaluator(AgnosticEvaluator(metrics={label: ["roc_auc"]}))
    return pipeline.run().metrics["roc_auc"]


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """100,000 rows of numbers, categories, booleans and missing cells."""
    chance = np.random.default_rng(4)
    rows = 100_000
    numbers = chance.normal(size=(rows, 4))
    island = chance.integers(5, size=rows)
    tame = chance.random(rows) < 0.3
    weights = np.array([-1.0, -0.3, 0.2, 0.6, 1.1])
    score = numbers @ [0.8, -0.6, 0.3, 0.0] + weights[island] + 0.7 * tame
    bought = chance.random(rows) < 1 / (1 + np.exp(-score))
    gone = chance.random(rows) < 0.05
    lines = [
        f"{'' if miss else f'{a:.3f}'},{b:.3f},{c:.3f},{d:.3f},island{i},{str(bool(t)).lower()},{int(y)}"
        for (a, b, c, d), i, t, y, miss in zip(numbers, island, tame, bought, gone, strict=True)
    ]
    path = tmp_path / "mixed.csv"
    path.write_text("\n".join(["a,b,c,d,island,tame,bought", *lines]) + "\n")
    return path


@pytest.mark.parametrize("network", [torch, tensorflow])
def test_the_diabetes_table(network, project, diabetes):
    other = roc_auc(network(epochs=40, batch_size=32), diabetes, "has_diabetes")
    assert other == pytest.approx(roc_auc(sklearn(), diabetes, "has_diabetes"), abs=NEAR)


@pytest.mark.parametrize("network", [torch, tensorflow])
def test_a_large_table_of_mixed_columns(network, project, mixed):
    other = roc_auc(network(epochs=2, batch_size=512), mixed, "bought")
    assert other == pytest.approx(roc_auc(sklearn(), mixed, "bought"), abs=NEAR)
