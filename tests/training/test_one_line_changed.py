"""The same pipeline with one line changed learns as well, whatever the framework."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from zenml.datasources import CSVDatasource
from zenml.errors import PluginError
from zenml.pipelines import TrainingPipeline
from zenml.steps import trainer as trainers
from zenml.steps.base import Step
from zenml.steps.evaluator import AgnosticEvaluator
from zenml.steps.preprocesser import StandardPreprocesser
from zenml.steps.split import RandomSplit

ROWS = int(os.environ.get("ZENML_MIXED_ROWS", "20000"))
NETWORKS = {"TFFeedForwardTrainer": "zenml_tensorflow", "TorchFeedForwardTrainer": "zenml_pytorch"}
FORM = {"epochs": 30, "batch_size": 32, "lr": 0.002, "hidden_layers": [32, 16], "metrics": ["roc_auc"]}

pytest.importorskip("zenml_sklearn", reason="scikit-learn is not installed. Run: pip install zenml-sklearn")


def auc(path: Path, label: str, trainer: Step) -> float:
    pipeline = TrainingPipeline(name="One line")
    pipeline.add_datasource(CSVDatasource(name="table", path=str(path)))
    pipeline.add_split(RandomSplit(split_map={"train": 0.7, "eval": 0.3}))
    pipeline.add_preprocesser(StandardPreprocesser(labels=[label]))
    pipeline.add_trainer(trainer)
    pipeline.add_evaluator(AgnosticEvaluator(metrics={label: ["roc_auc"]}))
    return pipeline.run().metrics["roc_auc"]


def network(name: str, **config: object) -> Step:
    if find_spec(NETWORKS[name]) is None:
        pytest.skip(f"{NETWORKS[name].replace('_', '-')} is not installed")
    try:
        made: Step = getattr(trainers, name)(**{**FORM, **config})
    except PluginError as error:
        pytest.skip(str(error))
    return made


@pytest.fixture
def mixed(project: Path) -> Path:
    """Numbers with missing cells, categories and booleans, and a label that all of them bear on."""
    random = np.random.default_rng(11)
    age, income = random.normal(40, 12, ROWS), random.lognormal(10, 0.6, ROWS)
    city, plan = random.integers(5, size=ROWS), random.integers(3, size=ROWS)
    active = random.random(ROWS) < 0.4
    effect = (age - 40) / 12 + np.log(income / 22000) + np.array([0.8, -0.6, 0.0, 1.1, -1.2])[city]
    effect = effect + np.array([-0.5, 0.2, 0.9])[plan] - 1.2 * active
    label = random.random(ROWS) < 1 / (1 + np.exp(-effect))
    missing = random.random(ROWS) < 0.05
    lines = ["age,income,city,plan,active,left"]
    for row in range(ROWS):
        cell = "" if missing[row] else f"{income[row]:.1f}"
        active_cell = str(bool(active[row])).lower()
        lines.append(f"{age[row]:.2f},{cell},c{city[row]},p{plan[row]},{active_cell},{int(label[row])}")
    path = project / "mixed.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("name", NETWORKS)
def test_on_the_diabetes_table(name: str, project: Path, diabetes: Path) -> None:
    trainer = network(name)
    classical = auc(diabetes, "has_diabetes", trainers.SklearnTrainer(estimator="LogisticRegression"))
    assert auc(diabetes, "has_diabetes", trainer) == pytest.approx(classical, abs=0.03)


@pytest.mark.parametrize("name", NETWORKS)
def test_on_a_table_of_mixed_columns(name: str, mixed: Path) -> None:
    trainer = network(name, epochs=5, batch_size=128)
    classical = auc(mixed, "left", trainers.SklearnTrainer(estimator="LogisticRegression"))
    assert classical > 0.75
    assert auc(mixed, "left", trainer) == pytest.approx(classical, abs=0.03)
