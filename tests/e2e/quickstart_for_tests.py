"""The quickstart's pipeline, for tests that run it in their own ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zenml.datasources import CSVDatasource
from zenml.pipelines import TrainingPipeline
from zenml.steps.evaluator import TFMAEvaluator
from zenml.steps.preprocesser import StandardPreprocesser
from zenml.steps.split import RandomSplit
from zenml.steps.trainer import SklearnTrainer

FEATURES = ["times_pregnant", "pgc", "dbp", "tst", "bmi", "pedigree", "age"]


def quickstart(data: Path | str, name: str = "Quickstart", **parts: Any) -> TrainingPipeline:
    """Return the pipeline; `parts` replaces steps by id."""
    metrics = {"has_diabetes": ["accuracy", "roc_auc", "log_loss"]}
    steps = {
        "split": RandomSplit(split_map={"train": 0.7, "eval": 0.3}),
        "preprocesser": StandardPreprocesser(features=FEATURES, labels=["has_diabetes"]),
        "trainer": SklearnTrainer(estimator="LogisticRegression"),
        "evaluator": TFMAEvaluator(slices=[["has_diabetes"]], metrics=metrics),
        **parts,
    }
    pipeline = TrainingPipeline(name=name)
    pipeline.add_datasource(CSVDatasource(name="Pima", path=str(data)))
    for step_id, step in steps.items():
        if step is not None:
            pipeline.add_step(step, id=step_id)
    return pipeline
