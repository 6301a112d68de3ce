"""A model bundle is loaded where only the core and its framework's package are installed, and unpickles nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa
import pytest

from zenml.datasources import CSVDatasource
from zenml.pipelines import TrainingPipeline
from zenml.steps import trainer as trainers
from zenml.steps.preprocesser import StandardPreprocesser
from zenml.steps.split import RandomSplit
from zenml.steps.trainer.loading import load_model

LOAD_ALONE = Path(__file__).with_name("load_alone.py")
TRAINERS = {
    "zenml-sklearn": ("SklearnTrainer", {"estimator": "LogisticRegression"}),
    "zenml-pytorch": ("TorchFeedForwardTrainer", {"export": False}),
    "zenml-tensorflow": ("TFFeedForwardTrainer", {}),
}


@pytest.mark.parametrize("package", TRAINERS)
def test_a_bundle_needs_only_the_core_and_its_framework_and_unpickles_nothing(package, project, diabetes):
    pytest.importorskip(package.replace("-", "_"), reason=f"Run: pip install {package}")
    name, config = TRAINERS[package]
    pipeline = TrainingPipeline(name="Alone")
    pipeline.add_datasource(CSVDatasource(name="Pima", path=str(diabetes), tfrecord=False))
    pipeline.add_split(RandomSplit(split_map={"train": 0.7, "eval": 0.3}))
    pipeline.add_preprocesser(StandardPreprocesser(labels=["has_diabetes"]))
    pipeline.add_trainer(getattr(trainers, name)(**config))
    bundle = pipeline.run().steps["trainer"].outputs["model"].path

    command = [sys.executable, str(LOAD_ALONE), str(bundle), "zenml-core", package]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=project)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["blocked but there"] == []
    others = {name for other in TRAINERS if other != package and find_spec(name := other.replace("-", "_"))}
    assert {"pytest", *others} <= set(told["blocked"])
    rows = json.loads((bundle / "example.json").read_text())["inputs"]
    found = load_model(bundle).predict(pa.RecordBatch.from_pylist(rows))["has_diabetes"]
    assert told["scores"] == {"has_diabetes": found.scores.tolist()}
