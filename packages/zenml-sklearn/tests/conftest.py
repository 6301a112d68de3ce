from __future__ import annotations

import importlib
import importlib.util
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from zenml.artifacts.handles import NewArtifact, StoredArtifact
from zenml.data.shards import ShardJob, State, fold_order
from zenml.datasources.csv import CSVDatasource
from zenml.steps.base import Step, StepContext
from zenml.steps.preprocesser.standard import StandardPreprocesser
from zenml.steps.split.random_split import RandomSplit
from zenml.steps.trainer.checkpoints import Checkpoints


@pytest.fixture(scope="session")
def models() -> ModuleType:
    """The module `small_models.py`, which is also run as a script."""
    spec = importlib.util.spec_from_file_location("small_models", Path(__file__).with_name("small_models.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def sklearn_estimators() -> dict[str, tuple[str, type]]:
    """Kind and class of every classifier and regressor, as scikit-learn lists them."""
    from sklearn.utils import all_estimators

    return {name: (kind, cls) for kind in ("classifier", "regressor") for name, cls in all_estimators(type_filter=kind)}


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

    def run(
        self, step: Step, seed: int = 1729, checkpoints: Checkpoints | None = None, **inputs: StoredArtifact
    ) -> dict[str, StoredArtifact]:
        self._count += 1
        folder = self.root / f"{self._count:02d}-{type(step).__name__}"
        outputs = {name: NewArtifact(kind, folder / name) for name, kind in step.outputs.items()}
        (folder / "scratch").mkdir(parents=True)
        for new in outputs.values():
            new.path.mkdir()
        context = StepContext(inputs, outputs, seed, run_job, folder / "scratch", self, checkpoints=checkpoints)
        step.run(context)
        self.metrics = context.metrics
        return {
            name: StoredArtifact(new.type.__name__, new.path.as_uri(), "sha256:0", new.path, new.properties)
            for name, new in outputs.items()
        }

    def prepare(self, path: Path, **config: Any) -> tuple[StoredArtifact, dict[str, StoredArtifact]]:
        """Return the raw examples of a CSV file, and the inputs of a trainer."""
        (data,) = self.run(CSVDatasource(name="table", path=str(path), tfrecord=False)).values()
        (raw,) = self.run(RandomSplit(), examples=data).values()
        return raw, self.run(StandardPreprocesser(**config), examples=raw)


def run_job(job: ShardJob) -> list[State]:
    opened = job.open()
    return fold_order(job, (opened.work(number) for number in range(len(job.shards))))


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    return Workbench(tmp_path / "bench")


@pytest.fixture(scope="session")
def diabetes() -> Path:
    """The quickstart's table."""
    return Path(__file__).parents[3] / "examples" / "quickstart" / "data" / "diabetes.csv"


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module `own_estimators`, importable by name as a user's own module is."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return importlib.import_module("own_estimators")


@pytest.fixture(scope="session")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated table: features, weights of rows, groups of rows, and labels of three kinds."""
    import numpy as np

    chance = np.random.default_rng(8)
    lines = ["a,b,c,weight,bad,group,ill,kind,price"]
    for _ in range(400):
        a, b, c = chance.normal(size=3)
        ill = int(a - b + chance.normal(0, 0.7) > 0)
        kind = "abc"[int(a > 0) + int(b > 0.4)]
        weight, group = chance.integers(4), chance.integers(12)
        lines.append(f"{a:.4f},{b:.4f},{c:.4f},{weight},{weight - 1},{group},{ill},{kind},{3 * a - b + 0.2 * c:.4f}")
    path = tmp_path_factory.mktemp("mixed") / "mixed.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="session")
def animals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table with labels of all kinds: classes as text, as booleans and as numbers, and a continuous one."""
    import numpy as np

    random = np.random.default_rng(5)
    lines = ["bill,flipper,species,tame,legs,mass,one,hole"]
    for _ in range(150):
        size = random.integers(3)
        species = ["Adelie", "Chinstrap", "Gentoo"][size]
        bill = 15 + 6 * size + random.normal()
        flipper = 190 + 10 * (2 - size) ** 2 + random.normal(0, 3)
        tame, legs = bool(bill > 24), random.choice([2, 4])
        hole = "" if random.random() < 0.2 else f"{bill:.3f}"
        lines.append(f"{bill:.3f},{flipper:.2f},{species},{str(tame).lower()},{legs},{flipper * 20:.1f},1,{hole}")
    path = tmp_path_factory.mktemp("animals") / "animals.csv"
    path.write_text("\n".join(lines) + "\n")
    return path
