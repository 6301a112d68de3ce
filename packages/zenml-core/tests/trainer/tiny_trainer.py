"""A trainer without a framework, and what it takes to run it on a CSV text; imported by the tests of two rooms."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from zenml.artifacts.handles import NewArtifact, StoredArtifact
from zenml.data.shards import ShardJob, State, fold_order
from zenml.datasources.csv import CSVDatasource
from zenml.errors import DataError
from zenml.steps.base import Step, StepContext
from zenml.steps.preprocesser.standard import StandardPreprocesser
from zenml.steps.split.random_split import RandomSplit
from zenml.steps.trainer.base import Trainer
from zenml.steps.trainer.bundle import Bundle
from zenml.steps.trainer.prediction import LabelInfo, Prediction, Predictor
from zenml.steps.trainer.targets import classes_of, numbers_of
from zenml.steps.trainer.training import Training


class TinyTrainer(Trainer):
    """Scores the first class by the sum of the features; predicts the mean of a number plus `shift`."""

    FRAMEWORK = "numpy"

    shift: float = 0.0

    def fit(self, training: Training) -> Sequence[LabelInfo]:
        features, labels = training.train.arrays()
        found = [
            (numbers_of if values.dtype.kind == "f" else classes_of)(name, values, training)
            for name, values in labels.items()
        ]
        means = {target.label.name: float(target.values.mean()) + self.shift for target in found}
        (training.folder / "means.json").write_text(json.dumps({"means": means, "width": features.shape[1]}))
        training.metrics["rows"] = float(len(features))
        return [target.label for target in found]

    @classmethod
    def load_bundle(cls, bundle: Bundle) -> Predictor:
        try:
            learned = json.loads((bundle.model_folder / "means.json").read_text())
        except ValueError as error:
            raise DataError("the means cannot be read", str(bundle.path)) from error

        def predict(features: np.ndarray) -> Mapping[str, Prediction]:
            assert features.shape[1] == learned["width"]
            assert features.dtype == np.float32
            return {label.name: one(label, features) for label in bundle.labels}

        def one(label: LabelInfo, features: np.ndarray) -> Prediction:
            if label.task == "regression":
                return Prediction(label, np.full(len(features), learned["means"][label.name]))
            first = 1 / (1 + np.exp(-features.sum(axis=1, dtype=np.float64)))
            rest = np.repeat(((1 - first) / (len(label.codes) - 1))[:, None], len(label.codes) - 1, axis=1)
            scores = np.column_stack([first, rest])
            return Prediction(label, scores.argmax(axis=1), scores)

        return predict


class Workbench:
    """Runs steps one by one in folders of their own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.warnings: list[str] = []
        self.metrics: dict[str, float] = {}
        self._count = 0

    def log(self, message: str) -> None:
        pass

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    def progress(self, label: str, total: float) -> Any:
        return nullcontext(lambda _=1: None)

    def run(self, step: Step, seed: int = 1729, **inputs: StoredArtifact) -> dict[str, StoredArtifact]:
        self._count += 1
        folder = self.root / f"{self._count:02d}-{type(step).__name__}"
        outputs = {name: NewArtifact(kind, folder / name) for name, kind in step.outputs.items()}
        (folder / "scratch").mkdir(parents=True)
        for new in outputs.values():
            new.path.mkdir()
        context = StepContext(inputs, outputs, seed, run_job, folder / "scratch", self)
        step.run(context)
        self.metrics = context.metrics
        return {
            name: StoredArtifact(new.type.__name__, new.path.as_uri(), "sha256:0", new.path, new.properties)
            for name, new in outputs.items()
        }

    def prepare(
        self, text: str, overwrite: Mapping[str, Any] | None = None, **config: Any
    ) -> dict[str, StoredArtifact]:
        """Return the inputs of a trainer, and the raw examples as `raw`."""
        path = self.root / "table.csv"
        self.root.mkdir(exist_ok=True)
        path.write_text(text)
        (data,) = self.run(CSVDatasource(name="table", path=str(path), tfrecord=False)).values()
        (raw,) = self.run(RandomSplit(), examples=data).values()
        made = self.run(StandardPreprocesser(overwrite=overwrite or {}, **config), examples=raw)
        return {"examples": made["examples"], "transform": made["transform"], "raw": raw}


def run_job(job: ShardJob) -> list[State]:
    opened = job.open()
    return fold_order(job, (opened.work(number) for number in range(len(job.shards))))


def table(rows: int = 200) -> str:
    """Two numbers, an island, a sex that is sometimes missing, and three labels to predict."""
    random = np.random.default_rng(3)
    lines = ["age,weight,island,sex,ill,kind,price"]
    for _ in range(rows):
        age, weight = random.integers(20, 90), random.normal(70, 10)
        island, sex = random.choice(["Biscoe", "Dream"]), random.choice(["male", "female", ""])
        ill = int(age + random.normal(0, 20) > 50)
        kind = random.choice(["a", "b", "c"])
        lines.append(f"{age},{weight:.2f},{island},{sex},{ill},{kind},{weight * 2 + random.normal():.3f}")
    return "\n".join(lines) + "\n"
