"""Runs of pipelines that train a model of nothing, which takes no time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from zenml.datasources import CSVDatasource
from zenml.pipelines import DataPipeline, TrainingPipeline

TRAINER = """
from typing import ClassVar

from zenml.artifacts.types import Examples, Model
from zenml.steps.trainer.base import Trainer


class GuessTrainer(Trainer):
    inputs: ClassVar = {"examples": Examples}
    outputs: ClassVar = {"model": Model}

    guess: float = 0.5

    def check(self, inputs):
        return ()

    def run(self, context):
        context.metrics["auc"] = self.guess
        (context.outputs["model"].path / "guess.txt").write_text(str(self.guess))

    def fit(self, *_):
        raise AssertionError("nothing is fitted here")

    @classmethod
    def load_bundle(cls, *_):
        raise AssertionError("nothing is loaded here")
"""


def train(name: str, guess: float) -> str:
    from guess import GuessTrainer  # the module that the fixture below writes

    pipeline = TrainingPipeline(name=name)
    pipeline.add_datasource(CSVDatasource(name="Table", path="table.csv"))
    return pipeline.add_trainer(GuessTrainer(guess=guess)).run().id


@pytest.fixture
def runs(project: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """Two runs of one training pipeline, one of another, and one that trains nothing."""
    (project / "guess.py").write_text(TRAINER)
    monkeypatch.syspath_prepend(project)
    (project / "table.csv").write_text("a,b\n" + "1,x\n2,y\n" * 10)
    pipeline = DataPipeline(name="Data only")
    pipeline.add_datasource(CSVDatasource(name="Table", path="table.csv"))
    return {
        "first": train("Guess", 0.5),
        "second": train("Guess", 0.75),
        "other": train("Another", 0.6),
        "data": pipeline.run().id,
    }
