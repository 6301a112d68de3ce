"""The plan says which steps run and why, and the run does just that."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from zenml.cli.main import run as run_command
from zenml.datasources import CSVDatasource
from zenml.pipelines import Pipeline
from zenml.runtime import code_digest
from zenml.steps.preprocesser import StandardPreprocesser
from zenml.steps.split import RandomSplit

STEP = """
import numpy
from collections.abc import Mapping
from typing import ClassVar
from zenml.artifacts.types import Artifact, Evaluation, TransformedExamples
from zenml.steps.base import Step, StepContext
from plan_pkg.near import text

class Own(Step):
    inputs: ClassVar[Mapping[str, type[Artifact]]] = {"examples": TransformedExamples}
    outputs: ClassVar[Mapping[str, type[Artifact]]] = {"note": Evaluation}
    word: str = "w"
    def run(self, context: StepContext) -> None:
        (context.outputs["note"].path / "note.txt").write_text(text(self.word))
"""
AFTER = """
from collections.abc import Mapping
from typing import ClassVar
from zenml.artifacts.types import Artifact, Evaluation, Statistics
from zenml.steps.base import Step, StepContext

class After(Step):
    inputs: ClassVar[Mapping[str, type[Artifact]]] = {"note": Evaluation}
    outputs: ClassVar[Mapping[str, type[Artifact]]] = {"end": Statistics}
    SEEDED: ClassVar[bool] = False
    def run(self, context: StepContext) -> None:
        (context.outputs["end"].path / "end.txt").write_text((context.inputs["note"].path / "note.txt").read_text())
"""
FILES = {
    "plan_pkg/__init__.py": "",
    "plan_pkg/steps.py": STEP,
    "plan_pkg/after.py": AFTER,
    "plan_pkg/near.py": "from plan_pkg.far import end\n\ndef text(word):\n    return word + end()\n",
    "plan_pkg/far.py": "def end():\n    return '!'\n",
}

Change = Callable[[Path, Pipeline, pytest.MonkeyPatch], None]


def a_helper_two_imports_away(project: Path, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "plan_pkg/far.py").write_text("def end():\n    return '?'\n")
    monkeypatch.setattr(sys.modules["plan_pkg.near"], "end", lambda: "?")  # as a new process would have it


def the_version_of_a_dependency(project: Path, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "99.9" if name == "numpy" else found(name))


def the_seed(project: Path, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline.seed = 7


def one_cell(project: Path, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    path = project / "table.csv"
    path.write_text(path.read_text().replace("\n17,", "\n1017,"))


def an_option(project: Path, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    split = pipeline.steps["split"]
    assert isinstance(split, RandomSplit)
    split.split_map = {"train": 0.6, "eval": 0.4}


def nothing_but_the_patch_version_of_the_core(
    project: Path, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.4.1" if name == "zenml-core" else found(name))
    monkeypatch.setattr("zenml.pipelines.launching.__version__", "0.4.1")


def a_deleted_artifact(project: Path, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(project / ".zenml/artifacts/Evaluation")


@pytest.fixture
def pipeline(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    """A pipeline that ran, with steps of the user's own at its end."""
    for name, source in FILES.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(source)
    (project / "table.csv").write_text("a,b\n" + "".join(f"{row},{row % 3}\n" for row in range(60)))
    monkeypatch.syspath_prepend(project)
    steps = importlib.import_module("plan_pkg.steps")
    made = Pipeline(name="Planned").add_step(CSVDatasource(name="Table", path="table.csv"), id="data")
    made.add_step(RandomSplit(split_map={"train": 0.8, "eval": 0.2}), id="split")
    made.add_step(StandardPreprocesser(features=["a"], labels=["b"]), id="preprocesser")
    after = importlib.import_module("plan_pkg.after")
    made.add_step(steps.Own(), id="own").add_step(after.After(), id="after")
    made.run()
    yield made
    for name in [name for name in sys.modules if name.partition(".")[0] == "plan_pkg"]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("change", "run", "reason"),
    [
        (a_helper_two_imports_away, ["own", "after"], "the code of plan_pkg.far changed"),
        (the_version_of_a_dependency, ["own"], "versions numpy: "),
        (the_seed, ["split", "preprocesser", "own"], "seed: 1729 → 7"),
        (one_cell, ["data", "split", "preprocesser", "own"], "the source data changed"),
        (an_option, ["split", "preprocesser", "own"], "config split_map.eval: 0.2 → 0.4"),
        (nothing_but_the_patch_version_of_the_core, [], ""),
        (a_deleted_artifact, ["own"], "what it published is gone"),
    ],
)
def test_what_changed_reruns_just_what_depends_on_it(
    project: Path, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, change: Change, run: list[str], reason: str
) -> None:
    change(project, pipeline, monkeypatch)
    code_digest.code_of.cache_clear()
    plan = pipeline.plan()
    planned = [step.id for step in plan.steps if step.action == "run"]
    ran = [name for name, step in pipeline.run().steps.items() if step.state == "COMPLETE"]
    assert ran == run
    assert set(ran) <= set(planned)
    following = [step.id for step in plan.steps if step.reasons and all(why.endswith(" runs") for why in step.reasons)]
    assert set(planned) - set(following) <= set(ran)
    if run:
        assert any(why.startswith(reason) for why in plan[run[0]].reasons), plan[run[0]].reasons
    again = pipeline.plan()
    assert {step.action for step in again.steps} == {"cached"}


def written(folder: Path) -> list[Path]:
    """Return the files in a folder, without what only saves time: compiled modules, and known digests of sources."""
    left_out = {"__pycache__", "sources.json"}
    return sorted(path for path in folder.rglob("*") if not left_out & {*path.parts})


def test_a_plan_writes_nothing_and_is_shown_as_a_table_and_as_json(
    project: Path, pipeline: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline.to_yaml(project / "planned.yaml")
    text = (project / "planned.yaml").read_text()
    (project / "planned.yaml").write_text(text.replace("seed: 1729", "seed: 8"))
    files = written(project)
    capsys.readouterr()
    assert run_command(["pipeline", "plan", "planned.yaml", "--json"]) == 0
    steps = json.loads(capsys.readouterr().out)["steps"]
    assert [step["action"] for step in steps] == ["cached", "run", "run", "run", "run"]
    assert steps[1]["reasons"] == ["seed: 1729 → 8"]
    assert steps[3]["reasons"] == ["seed: 1729 → 8", "step preprocesser runs"]
    assert run_command(["pipeline", "plan", "planned.yaml"]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert "Planned: plan" in out
    assert written(project) == files


def test_steps_that_may_not_be_served_say_so(project: Path, pipeline: Pipeline) -> None:
    pipeline.steps["split"].with_cache(False)
    assert pipeline.plan()["split"].reasons == ("caching is off",)
    fresh = Pipeline(name="Fresh").add_step(CSVDatasource(name="T", path="table.csv", delimiter=";"))
    assert fresh.plan().steps[0].reasons == ("it has not been published in this pipeline",)
