from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from zenml.datasources.csv import CSVDatasource
from zenml.steps.base import Step
from zenml.steps.preprocesser.standard import StandardPreprocesser
from zenml.steps.split.random_split import RandomSplit
from zenml.testing.processing_backend import StepOutputs, run_step


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module `torch_models`, importable by name as a user's own module is."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return importlib.import_module("torch_models")


@pytest.fixture(scope="session")
def flowers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table with two features and labels of all kinds."""
    chance = np.random.default_rng(2)
    lines = ["a,b,ill,hot,kind,price"]
    for _ in range(240):
        a, b = chance.normal(size=2)
        kind = "abc"[int(a > 0) + int(b > 0.5)]
        lines.append(f"{a:.4f},{b:.4f},{int(a + b > 0)},{str(a > b).lower()},{kind},{3 * a - b + 5:.4f}")
    path = tmp_path_factory.mktemp("data") / "flowers.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


Train = Callable[..., StepOutputs]


@pytest.fixture
def train(flowers: Path, tmp_path: Path) -> Train:
    """Run a trainer on some labels of the table; give its outputs."""
    count = 0

    def run(trainer: Step, *labels: str, overwrite: Any = None) -> StepOutputs:
        nonlocal count
        count += 1
        folder = tmp_path / str(count)
        every = ["ill", "hot", "kind", "price"]
        data = run_step(CSVDatasource(name="flowers", path=str(flowers), tfrecord=False), {}, folder / "data")
        split = run_step(RandomSplit(), data.artifacts, folder / "split")
        given = [name for name in ("a", "b", *every) if name not in labels and name not in every]
        step = StandardPreprocesser(features=given, labels=list(labels), overwrite=overwrite or {})
        return run_step(trainer, run_step(step, split.artifacts, folder / "made").artifacts, folder / "trainer")

    return run
