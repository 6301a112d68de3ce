"""A recorded run tells what it ran with, and is run again."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pytest

from zenml.cli.main import run as run_command
from zenml.pipelines import Pipeline, TrainingPipeline
from zenml.repo import Repository
from zenml.runtime import code_digest, environment
from zenml.steps.base import StepContext


def git(folder: Path, *words: str) -> None:
    """Run git."""
    user = ("-c", "user.name=n", "-c", "user.email=e@example.com")
    subprocess.run(["git", "-C", str(folder), *user, *words], check=True, capture_output=True)


def reproduce(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    """Run the command; return what it answers."""
    capsys.readouterr()
    assert run_command(["run", "reproduce", *words, "--json"]) == 0
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_a_run_reproduces_itself_and_nothing_differs(
    project: Path, steps: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Pipeline(name="Mine").add_step(steps.Note()).add_step(steps.Repeat()).run()
    found = reproduce(capsys, run.id, "--no-cache")
    assert found["differences"] == []
    assert found["outputs"] == {"note.note": True, "repeat.first": True, "repeat.second": True}
    again = Repository.get_instance().get_run(str(found["run"]))
    assert [str(step.state) for step in again.steps.values()] == ["COMPLETE", "COMPLETE"]
    assert reproduce(capsys, run.id, "--compare")["run"] is None
    assert len(Repository.get_instance().get_runs()) == 2
    capsys.readouterr()
    assert run_command(["run", "reproduce", run.id[:12], "--compare"]) == 0
    assert capsys.readouterr().out == "Nothing differs\n"


def test_what_differs_is_told_and_the_outputs_are_compared(
    project: Path, steps: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    git(project, "init", "-q")
    git(project, "add", "steps_for_tests.py")
    git(project, "commit", "-q", "-m", "Begin")
    run = Pipeline(name="Mine").add_step(steps.Note()).run()
    assert run.record.facts["git_dirty"] == "no"

    def other(_: object, context: StepContext) -> None:
        (context.outputs["note"].path / "other.txt").touch()

    monkeypatch.setattr(steps.Note, "run", other)
    with (project / "steps_for_tests.py").open("a") as file:
        file.write("# changed\n")
    code_digest.code_of.cache_clear()
    before = environment.installed()
    monkeypatch.setattr(environment, "installed", lambda: {**before, "numpy": "99.9"})
    found = reproduce(capsys, run.id)
    differences = {row["what"]: (row["then"], row["now"]) for row in found["differences"]}
    assert differences["uncommitted changes"] == ("no", "yes")
    assert differences["numpy"] == (before["numpy"], "99.9")
    assert differences["step note"][1] == "the code of steps_for_tests changed"
    assert len(differences["digest of these changes"][1]) == 64
    assert found["outputs"] == {"note.note": False}
    assert "git commit" not in differences


def test_the_environment_is_kept_once(project: Path, steps: ModuleType) -> None:
    pipeline = Pipeline(name="Mine").add_step(steps.Note())
    digests = {pipeline.run().record.facts["environment"] for _ in range(2)}
    files = list((project / ".zenml/artifacts/environments").iterdir())
    assert {file.stem for file in files} == digests
    kept = json.loads(files[0].read_text())
    assert kept["distributions"]["pyarrow"] == pa.__version__
    assert kept["distributions"]["zenml-core"]


def test_a_pipeline_comes_back_from_its_run_and_is_copied(project: Path, steps: ModuleType) -> None:
    pipeline = Pipeline(name="Mine", seed=5, enable_cache=False)
    pipeline.add_step(steps.Note(word="w").with_retry(2)).add_step(steps.Repeat())
    run = pipeline.run()
    assert Pipeline.from_run(run) == Pipeline.from_run(run.id) == pipeline
    other = pipeline.copy("Other")
    assert (other.name, other.seed, other.enable_cache) == ("Other", 5, False)
    other.steps["note"].word = "changed"
    assert pipeline.steps["note"].word == "w"
    assert other.steps["note"].retry.retries == 2
    assert isinstance(TrainingPipeline(name="T").copy("U"), TrainingPipeline)
