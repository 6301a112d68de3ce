"""Datasources and trainers pinned to a commit, with the steps of the core around them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from zenml.backends.orchestrator import OrchestratorSubprocessBackend
from zenml.errors import SpecError
from zenml.pipelines import Pipeline
from zenml.runtime import code_digest

TINY = Path(__file__).parent.parent / "trainer" / "tiny_trainer.py"
ROWS = "".join(f"{number % 7},{number % 5},{number % 3 + number / 10}\n" for number in range(60))
SOURCE = '''
from zenml.datasources import CSVDatasource

class Halved(CSVDatasource):
    """A table that tells of itself."""

    factor: int = 2

    def fingerprint_config(self):
        return {**super().fingerprint_config(), "factor": self.factor}
'''


def git(folder: Path, *words: str) -> str:
    """Run git; return what it says."""
    user = ("-c", "user.name=n", "-c", "user.email=e@example.com")
    done = subprocess.run(["git", "-C", str(folder), *user, *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def first(project: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A commit with a trainer and a datasource, and a table beside them."""
    monkeypatch.syspath_prepend(project)
    shutil.copy(TINY, project / "own_trainer.py")
    (project / "own_source.py").write_text(SOURCE)
    (project / "table.csv").write_text("a,b,price\n" + ROWS)
    git(project, "init", "-q")
    git(project, "add", "own_trainer.py", "own_source.py")
    git(project, "commit", "-q", "-m", "Begin")
    return git(project, "rev-parse", "HEAD")


def training(project: Path, trainer: str, source: str = "CSVDatasource") -> Pipeline:
    """Return a training pipeline, read from YAML, with a trainer and a datasource of these types."""
    (project / "prices.yaml").write_text(
        "zenml: 1\nname: Prices\nsteps:\n"
        f"- id: data\n  type: {source}\n  config: {{name: prices, path: table.csv}}\n"
        "- id: split\n  type: RandomSplit\n"
        "- id: preprocesser\n  type: StandardPreprocesser\n  config: {labels: [price]}\n"
        f"- id: trainer\n  type: {trainer}\n  config: {{shift: 1.0}}\n"
        "- id: evaluator\n  type: AgnosticEvaluator\n"
    )
    return Pipeline.from_yaml(project / "prices.yaml")


def test_an_evaluator_reads_a_model_by_the_code_of_its_trainers_commit(project: Path, first: str) -> None:
    unpinned = training(project, "own_trainer:TinyTrainer").run()
    shutil.rmtree(project / ".zenml/artifacts")
    (project / "own_trainer.py").unlink()
    del sys.modules["own_trainer"]
    pinned = training(project, f"own_trainer:TinyTrainer@{first[:8]}")
    run = pinned.run()
    assert [str(step.state) for step in run.steps.values()] == ["COMPLETE"] * 5
    assert run.metrics == unpinned.metrics
    for name, step in run.steps.items():
        before = unpinned.steps[name]
        assert step.record.fingerprint == before.record.fingerprint
        assert {row.digest for row in step.outputs.values()} == {row.digest for row in before.outputs.values()}
    assert "own_trainer" not in sys.modules
    assert {str(step.state) for step in pinned.run().steps.values()} == {"CACHED"}


def test_a_pinned_trainer_is_checked_in_its_place(project: Path, first: str) -> None:
    pinned = training(project, f"own_trainer:TinyTrainer@{first}")
    text = (
        (project / "prices.yaml")
        .read_text()
        .replace("type: RandomSplit", "type: RandomSplit\n  config: {split_map: {fit: 0.5, eval: 0.5}}")
    )
    (project / "prices.yaml").write_text(text)
    with pytest.raises(SpecError, match=r"step trainer: .*there is no split named train to fit on"):
        Pipeline.from_yaml(project / "prices.yaml").run()
    assert pinned.steps["trainer"].split_names({}) is None


def test_a_pinned_datasource_reads_the_data_that_are_there_now(project: Path, first: str) -> None:
    (project / "own_source.py").unlink()
    pinned = training(project, f"own_trainer:TinyTrainer@{first}", f"own_source:Halved@{first}")
    run = pinned.run(OrchestratorSubprocessBackend())
    assert [str(step.state) for step in run.steps.values()] == ["COMPLETE"] * 5
    assert {str(step.state) for step in pinned.run().steps.values()} == {"CACHED"}
    with (project / "table.csv").open("a") as file:
        file.write("1,2,3.5\n")
    plan = pinned.plan()
    assert plan["data"].reasons == ("the source data changed",)
    source = pinned.steps["data"]
    assert source.to_config()["config"] == {"name": "prices", "path": "table.csv"}
    assert source.split_names({}) == ("all",)


TRANSFORM = '''
import pyarrow.compute as pc
from zenml.data.transforms import CustomTransform

class Plus(CustomTransform):
    """Adds a number."""

    def apply(self, values, learned):
        return pc.add(values, 1)
'''


def test_a_transform_of_ones_own_is_the_same_wherever_it_is_used(project: Path, first: str) -> None:
    (project / "own_transform.py").write_text(TRANSFORM)
    git(project, "add", "own_transform.py")
    git(project, "commit", "-q", "-m", "Transform")
    second = git(project, "rev-parse", "HEAD")
    training(project, f"own_trainer:TinyTrainer@{second}")
    own = "{labels: [price], overwrite: {a: {transform: [{method: 'own_transform:Plus'}]}}}"
    text = (project / "prices.yaml").read_text().replace("{labels: [price]}", own)
    (project / "prices.yaml").write_text(text)
    assert Pipeline.from_yaml(project / "prices.yaml").plan()["evaluator"].action == "run"
    code_digest.code_of.cache_clear()
    (project / "own_transform.py").write_text(TRANSFORM.replace("1)", "2)"))
    told = (
        f"preprocesser needs own_transform:Plus, which is not the same at commit {second[:12]} as in the working tree"
    )
    with pytest.raises(SpecError, match=rf"(?s)step trainer: .*{told}.*step evaluator: .*{told}.*to the same commit"):
        Pipeline.from_yaml(project / "prices.yaml").run()
    (project / "prices.yaml").write_text(text.replace(second, first))
    with pytest.raises(SpecError, match=f"not the same at commit {first[:12]} as in the working tree"):
        Pipeline.from_yaml(project / "prices.yaml").plan()


def test_an_evaluator_of_ones_own_reads_a_model_by_the_same_code(project: Path, first: str) -> None:
    (project / "own_evaluator.py").write_text(
        "from zenml.steps.evaluator import AgnosticEvaluator\n\nclass Own(AgnosticEvaluator):\n    '''Measures.'''\n"
    )
    training(project, f"own_trainer:TinyTrainer@{first}")
    text = (project / "prices.yaml").read_text().replace("AgnosticEvaluator", "own_evaluator:Own")
    (project / "prices.yaml").write_text(text)
    assert Pipeline.from_yaml(project / "prices.yaml").plan()["evaluator"].action == "run"
    code_digest.code_of.cache_clear()
    with (project / "own_trainer.py").open("a") as file:
        file.write("# changed\n")
    with pytest.raises(
        SpecError, match=r"step evaluator: .* trainer needs own_trainer:TinyTrainer, which is not the same"
    ):
        Pipeline.from_yaml(project / "prices.yaml").run()
    git(project, "add", "own_evaluator.py")
    git(project, "commit", "-q", "-m", "Evaluator")
    second = git(project, "rev-parse", "HEAD")
    (project / "prices.yaml").write_text(text.replace("own_evaluator:Own", f"own_evaluator:Own@{second}"))
    assert Pipeline.from_yaml(project / "prices.yaml").plan()["evaluator"].action == "run"
