from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from zenml.backends.orchestrator import OrchestratorSubprocessBackend
from zenml.errors import ConfigError, RunFailed, SpecError, ZenMLError
from zenml.pipelines import Pipeline
from zenml.repo import Repository

HERE = Path(__file__).parent


def test_steps_of_the_user_run_are_cached_and_keep_their_metrics(project: Path, steps: ModuleType) -> None:
    pipeline = Pipeline(name="Mine").add_step(steps.Note(word="word")).add_step(steps.Repeat())
    run = pipeline.run()
    assert list(run.steps) == ["note", "repeat"]
    assert run.metrics == {"length": 4.0}
    paths = [output.path for output in run.steps["repeat"].outputs.values()]
    assert [(path / "note.txt").read_text() for path in paths] == ["wordword", "wordword"]
    assert len(set(paths)) == 2
    again = pipeline.run()
    assert {step.state for step in again.steps.values()} == {"CACHED"}
    assert again.metrics == run.metrics
    assert again.steps["repeat"].outputs["first"].uri == run.steps["repeat"].outputs["first"].uri
    assert again.steps["repeat"].outputs["second"].uri == run.steps["repeat"].outputs["second"].uri
    with pytest.raises(ZenMLError, match="was not made by an evaluator of ZenML"):
        pipeline.evaluate()


def test_a_change_of_code_reruns_what_depends_on_it(project: Path, steps: ModuleType) -> None:
    from zenml.runtime import code_digest

    pipeline = Pipeline(name="Mine").add_step(steps.Note())
    pipeline.run()
    with (project / "steps_for_tests.py").open("a") as file:
        file.write("# changed\n")
    code_digest.code_of.cache_clear()
    assert pipeline.run().steps["note"].state == "COMPLETE"


@pytest.mark.parametrize("subprocess_", [False, True])
def test_a_bug_in_a_step_fails_the_run_and_publishes_nothing(
    project: Path, steps: ModuleType, subprocess_: bool
) -> None:
    backend = OrchestratorSubprocessBackend() if subprocess_ else None
    pipeline = Pipeline(name="Mine").add_step(steps.Break(), id="broken").add_step(steps.Repeat())
    with pytest.raises(RunFailed, match=r"ZeroDivisionError: a bug of the user's") as caught:
        pipeline.run(backend=backend)
    assert "steps_for_tests.py:" in str(caught.value)
    (run,) = Repository.get_instance().get_runs()
    assert caught.value.run_id == run.id
    assert [str(step.state) for step in run.steps.values()] == ["FAILED", "SKIPPED"]
    assert run.state == "FAILED"
    assert not list((project / ".zenml/artifacts").rglob("half.txt"))


@pytest.mark.parametrize(("how", "state", "why"), [("kill", "FAILED", "SIGKILL"), ("exit", "FAILED", "SystemExit: 3")])
def test_a_process_that_ends_in_a_subprocess_run_is_told(
    project: Path, steps: ModuleType, how: str, state: str, why: str
) -> None:
    pipeline = Pipeline(name="Mine").add_step(steps.Break(how=how), id="broken")
    with pytest.raises(RunFailed, match=why):
        pipeline.run(backend=OrchestratorSubprocessBackend())
    (run,) = Repository.get_instance().get_runs()
    assert run.state == state
    assert run.steps["broken"].state.ended


@pytest.mark.parametrize("how", ["terminate", "interrupt"])
def test_a_stopped_run_is_canceled_with_what_was_done_before(project: Path, steps: ModuleType, how: str) -> None:
    code = (
        "from zenml.pipelines import Pipeline\nfrom steps_for_tests import Break, Note\n"
        f"Pipeline(name='Stopped').add_step(Note()).add_step(Break(how={how!r}), id='broken').run()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    (run,) = Repository.get_instance().get_runs()
    assert run.state == "CANCELED", done.stderr
    assert [str(step.state) for step in run.steps.values()] == ["COMPLETE", "CANCELED"]


def test_a_killed_run_is_lost_at_once_and_written_down_by_the_next(project: Path, steps: ModuleType) -> None:
    code = (
        "from zenml.pipelines import Pipeline\nfrom steps_for_tests import Break, Note\n"
        "Pipeline(name='Killed').add_step(Note()).add_step(Break(how='kill'), id='broken').run()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == -9
    (run,) = Repository.get_instance().get_runs()
    assert run.state == "LOST"
    assert list((project / ".zenml/artifacts").rglob("half.txt"))
    Pipeline(name="Next").add_step(steps.Note()).run()
    assert run.metadata.get_run(run.id).state == "LOST"
    assert not list((project / ".zenml/artifacts").rglob("half.txt"))
    assert not list((project / ".zenml/tmp").iterdir())


def test_a_class_of_a_function_runs_here_and_nowhere_else(project: Path, steps: ModuleType) -> None:
    class Local(steps.Note):
        """A note of its own."""

    pipeline = Pipeline(name="Live").add_step(Local(word="x"), id="local")
    run = pipeline.run()
    assert run.record.facts["reproducible"] == "no"
    for refused in (pipeline.to_yaml, lambda: pipeline.run(backend=OrchestratorSubprocessBackend())):
        with pytest.raises(SpecError, match=r"Move (Local|the class) into a module"):
            refused()
    assert len(Repository.get_instance().get_runs()) == 1


def test_a_subprocess_run_can_be_left_alone(project: Path, steps: ModuleType) -> None:
    run = Pipeline(name="Alone").add_step(steps.Note()).run(backend=OrchestratorSubprocessBackend(), wait=False)
    backend = OrchestratorSubprocessBackend()
    while not backend.status(run.id, run.store).state.ended:
        os.sched_yield()
    assert run.state == "COMPLETE"
    backend.cancel(run.id, run.store)
    assert run.state == "COMPLETE"


def test_ids_and_names_are_checked(steps: ModuleType) -> None:
    with pytest.raises(ConfigError, match="cannot be the name"):
        Pipeline(name=" x")
    with pytest.raises(ConfigError, match="has a step 'note' already"):
        Pipeline(name="x").add_step(steps.Note()).add_step(steps.Note())


def test_a_custom_init_is_refused_when_the_class_is_made(steps: ModuleType) -> None:
    with pytest.raises(TypeError, match="Declare its parameters as annotated fields"):

        class Wrong(steps.Note):
            def __init__(self) -> None: ...


def test_a_life_cycle_hook_that_raises_stops_nothing(
    project: Path, steps: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    heard: list[dict[str, object]] = []

    def callers(hook: str) -> list[tuple[str, object]]:
        def bad(**facts: object) -> None:
            raise RuntimeError("deaf")

        return [("bad", bad), ("good", lambda **facts: heard.append({"hook": hook, **facts}))]

    monkeypatch.setattr("zenml.runtime.hooks.hook_callers", callers)
    run = Pipeline(name="Heard").add_step(steps.Note()).run()
    assert [row["hook"] for row in heard] == ["zenml_before_step", "zenml_after_step", "zenml_run_finished"]
    assert heard[-1] == {"hook": "zenml_run_finished", "run": run.id, "pipeline": "Heard", "state": "COMPLETE"}
    assert "plugin bad raised RuntimeError: deaf" in capsys.readouterr().err


def test_a_file_is_read_with_classes_from_its_source_roots(project: Path) -> None:
    (project / "src").mkdir()
    shutil.copy(HERE / "steps_for_tests.py", project / "src" / "rooted_steps.py")
    (project / "mine.yaml").write_text(
        "zenml: 1\ntype: Pipeline\nname: Mine\nsteps:\n  - {id: note, type: 'rooted_steps:Note', config: {word: hi}}\n"
    )
    run = Pipeline.from_yaml("mine.yaml").run()
    assert run.metrics == {"length": 2.0}
