"""A pipeline runs with two workers from an unguarded script, from standard input and from a notebook."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys
sys.path.insert(0, {here!r})
from quickstart_for_tests import quickstart
from zenml.backends.processing import ProcessingBaseBackend
from zenml.steps.split import RandomSplit

split = RandomSplit(split_map={{"train": 0.7, "eval": 0.3}}).with_backend(ProcessingBaseBackend(workers=2))
run = quickstart({data!r}, split=split).run()
print("metrics", sorted(run.metrics))
"""

LIVE_STEP = """
from typing import ClassVar
from zenml.artifacts.types import Evaluation, Model
from zenml.steps import Step, StepContext


class Count(Step):
    inputs: ClassVar = {{"model": Model}}
    outputs: ClassVar = {{"evaluation": Evaluation}}

    def run(self, context: StepContext) -> None:
        (context.outputs["evaluation"].path / "count.txt").write_text("1")


pipeline = quickstart({data!r})
pipeline.add_step(Count())
run = pipeline.run()
print("live", run.steps["count"].state, run.record.facts["reproducible"])
"""


@pytest.fixture
def script(diabetes: Path) -> str:
    return SCRIPT.format(here=str(Path(__file__).parent), data=str(diabetes))


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}


def test_an_unguarded_script(project: Path, script: str, environment: dict[str, str]) -> None:
    (project / "train.py").write_text(script)
    done = subprocess.run([sys.executable, "train.py"], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert "metrics ['accuracy', 'log_loss', 'roc_auc']" in done.stdout


def test_a_script_on_standard_input(project: Path, script: str, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-"], input=script, capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "metrics ['accuracy', 'log_loss', 'roc_auc']" in done.stdout


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the notebook client's own dependencies
def test_a_notebook_also_with_a_class_of_its_own(
    project: Path, script: str, diabetes: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    cells = [script, LIVE_STEP.format(data=str(diabetes)), "run.steps['count'].state.value"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    text = json.dumps(notebook)
    assert "metrics ['accuracy', 'log_loss', 'roc_auc']" in text
    assert "live COMPLETE no" in text
