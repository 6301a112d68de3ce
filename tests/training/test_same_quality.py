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
ROWS, TOWNS = 100_000, 40


def sklearn(estimator: str, **parameters) -> Step:
    pytest.importorskip("sklearn", reason="Run: pip install zenml-sklearn")
    from zenml.steps.trainer import SklearnTrainer

    return SklearnTrainer(estimator=estimator, parameters=parameters)


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
def mixed(project: Path) -> Path:
    """100,000 rows of numbers, towns, plans and booleans, all with missing cells; what counts is how they go together.

    A number counts by another one, or by its size and the plan, so that a linear model does not do.
    """
    chance = np.random.default_rng(4)
    numbers = chance.normal(size=(4, ROWS))
    a, b, c, _ = numbers
    town, plan, tame = chance.integers(TOWNS, size=ROWS), chance.integers(3, size=ROWS), chance.random(ROWS) < 0.3
    score = 1.8 * a * b + 1.5 * np.abs(c) * np.array([-1, 0, 1])[plan] + chance.normal(size=TOWNS)[town]
    bought = chance.random(ROWS) < 1 / (1 + np.exp(-score - np.where(tame, 1.5, 0.0) * a))
    texts = [np.char.mod("%.3f", column) for column in numbers]
    texts += [np.char.mod("town%d", town), np.array(["basic", "plus", "pro"])[plan], np.where(tame, "true", "false")]
    texts = [np.where(chance.random(ROWS) < 0.02, "", column) for column in texts]
    path = project / "mixed.csv"
    lines = map(",".join, zip(*texts, np.char.mod("%d", bought), strict=True))
    path.write_text("\n".join(["a,b,c,d,town,plan,tame,bought", *lines]) + "\n")
    return path


@pytest.mark.parametrize("network", [torch, tensorflow])
def test_the_diabetes_table(network, project, diabetes):
    other = roc_auc(network(epochs=40, batch_size=32), diabetes, "has_diabetes")
    assert other == pytest.approx(roc_auc(sklearn("LogisticRegression"), diabetes, "has_diabetes"), abs=NEAR)


def test_a_large_table_of_mixed_columns(mixed):
    trees = sklearn("HistGradientBoostingClassifier", max_iter=60, learning_rate=0.3)
    best = roc_auc(trees, mixed, "bought")
    assert best > 0.8
    for network in (torch, tensorflow):
        assert roc_auc(network(epochs=6, batch_size=256), mixed, "bought") == pytest.approx(best, abs=NEAR)
    linear = roc_auc(sklearn("LogisticRegression"), mixed, "bought")
    assert linear < best - 2 * NEAR, "the table should ask for more than a linear model"
