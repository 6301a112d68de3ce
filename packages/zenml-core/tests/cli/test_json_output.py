"""Where `--json` is given, standard output holds JSON and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from zenml.cli.main import run

STEPS = """
import subprocess
from typing import ClassVar

from zenml.artifacts.types import Evaluation
from zenml.steps import Step

print("imported")


class Talk(Step):
    outputs: ClassVar = {"said": Evaluation}

    fails: bool = False

    def run(self, context):
        print("from the step")
        subprocess.run(["echo", "from a child"], check=True)
        if self.fails:
            raise ValueError("no more words")
"""
SPEC = """
zenml: 1
name: Talk
type: Pipeline
steps:
  - {id: talk, type: "talk:Talk", config: {fails: %s}}
"""


@pytest.fixture
def talking(project: Path) -> Path:
    (project / "talk.py").write_text(STEPS)
    (project / "talk.yaml").write_text(SPEC % "false")
    (project / "fails.yaml").write_text(SPEC % "true")
    return project


def zenml(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "zenml.cli.main", *words], capture_output=True, text=True)


def test_what_steps_print_goes_to_standard_error(talking: Path) -> None:
    done = zenml("pipeline", "run", "talk.yaml", "--json")
    assert done.returncode == 0, done.stderr
    ran = json.loads(done.stdout)
    assert done.stderr.splitlines() == ["imported", "from the step", "from a child"]
    done = zenml("run", "reproduce", ran["id"], "--no-cache", "--json")
    assert json.loads(done.stdout)["outputs"] == {"talk.said": True}
    assert "from a child" in done.stderr


def test_without_it_they_go_where_the_step_sends_them(talking: Path) -> None:
    done = zenml("pipeline", "run", "talk.yaml")
    assert {"imported", "from the step", "from a child"} <= set(done.stdout.splitlines())


def test_what_fails_prints_no_json_and_gives_standard_output_back(
    talking: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["pipeline", "run", "fails.yaml", "--json"]) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert "no more words" in err
    subprocess.run(["echo", "after"], check=True)
    print("here")
    assert sorted(capfd.readouterr().out.splitlines()) == ["after", "here"]
