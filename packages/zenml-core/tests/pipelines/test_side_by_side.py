"""Steps that do not depend on one another run at the same time, each in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import psutil
import pytest

from zenml.backends.orchestrator import OrchestratorBaseBackend
from zenml.errors import RunFailed
from zenml.pipelines import Pipeline
from zenml.repo import Repository

TWO = OrchestratorBaseBackend(parallel_steps=2)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where steps meet."""
    (tmp_path / "place").mkdir()
    return tmp_path / "place"


def meeting(steps: ModuleType, place: Path, **config: object) -> Pipeline:
    """Return a pipeline with two steps that wait for each other between two that do not."""
    pipeline = Pipeline(name="Meeting").add_step(steps.Note())
    for name in ("left", "right"):
        step = steps.Meet(place=str(place), name=name, **config)
        pipeline.add_step(step, id=name, inputs={"note": "note.note"})
    return pipeline.add_step(steps.Repeat(), id="end", inputs={"note": "left.note"})


def test_two_steps_run_at_once_in_processes_of_their_own(project: Path, steps: ModuleType, place: Path) -> None:
    run = meeting(steps, place).run(TWO)
    assert [str(step.state) for step in run.steps.values()] == ["COMPLETE"] * 4
    processes = {run.logs(name) for name in ("left", "right")}
    assert len(processes) == 2
    assert f"process {os.getpid()}\n" not in processes
    assert run.metrics == {"length": 5.0}
    again = meeting(steps, place).run(TWO)
    assert {step.state for step in again.steps.values()} == {"CACHED"}


def test_the_results_are_those_of_one_after_the_other(project: Path, steps: ModuleType, place: Path) -> None:
    together = meeting(steps, place).run(TWO)
    pipeline = meeting(steps, place)
    pipeline.enable_cache = False
    alone = pipeline.run()
    for name, step in alone.steps.items():
        digests = {output: row.digest for output, row in step.outputs.items()}
        assert {output: row.digest for output, row in together.steps[name].outputs.items()} == digests


def test_a_failure_lets_those_beside_it_end_and_begins_no_other(project: Path, steps: ModuleType, place: Path) -> None:
    pipeline = Pipeline(name="Meeting").add_step(steps.Note())
    pipeline.add_step(steps.Meet(place=str(place), name="left", others=1), id="left", inputs={"note": "note.note"})
    for name, how in (("broken", "bug"), ("killed", "kill")):
        pipeline.add_step(steps.BreakAfter(how=how), id=name, inputs={"note": "note.note"})
    pipeline.add_step(steps.Repeat(), id="end", inputs={"note": "broken.note"})
    with pytest.raises(RunFailed, match="a bug of the user's") as caught:
        pipeline.run(OrchestratorBaseBackend(parallel_steps=3))
    assert "exit code -9" in str(caught.value)
    (run,) = Repository.get_instance().get_runs()
    states = {name: str(step.state) for name, step in run.steps.items()}
    assert states == {
        "note": "COMPLETE", "left": "COMPLETE", "broken": "FAILED", "killed": "FAILED", "end": "SKIPPED",
    }  # fmt: skip


def test_a_class_of_this_process_runs_here_beside_others(project: Path, steps: ModuleType, place: Path) -> None:
    class Local(steps.Meet):
        """A step of its own."""

    pipeline = Pipeline(name="Meeting").add_step(steps.Note())
    pipeline.add_step(steps.Meet(place=str(place), name="left"), id="left", inputs={"note": "note.note"})
    pipeline.add_step(Local(place=str(place), name="right"), id="right", inputs={"note": "note.note"})
    run = pipeline.run(TWO)
    assert run.state == "COMPLETE"
    assert run.logs("right") == f"process {os.getpid()}\n"
    assert run.logs("left") != run.logs("right")


@pytest.mark.parametrize("parallel_steps", [1, 2])
def test_two_steps_that_are_alike_do_not_get_in_each_others_way(
    project: Path, steps: ModuleType, parallel_steps: int
) -> None:
    pipeline = (
        Pipeline(name="Twins", enable_cache=False).add_step(steps.Note(), id="one").add_step(steps.Note(), id="two")
    )
    run = pipeline.run(OrchestratorBaseBackend(parallel_steps=parallel_steps))
    assert [str(step.state) for step in run.steps.values()] == ["COMPLETE", "COMPLETE"]
    assert len({step.outputs["note"].uri for step in run.steps.values()}) == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_run_leaves_no_process(project: Path, steps: ModuleType, place: Path, number: signal.Signals) -> None:
    code = (
        "from zenml.pipelines import Pipeline\nfrom steps_for_tests import Note, Wait\n"
        "from zenml.backends.orchestrator import OrchestratorBaseBackend\n"
        "pipeline = Pipeline(name='Long').add_step(Note()).add_step(Wait(), id='a').add_step(Wait(), id='b')\n"
        "pipeline.run(OrchestratorBaseBackend(parallel_steps=2))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)] == ["waiting\n", "waiting\n"]
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) >= 2
        process.send_signal(number)
        process.wait(timeout=60)
        _, alive = psutil.wait_procs(family, timeout=20)
    assert not alive
    (run,) = Repository.get_instance().get_runs()
    assert run.state == ("CANCELED" if number is signal.SIGTERM else "LOST")
    assert {str(step.state) for step in run.steps.values()} <= {"COMPLETE", str(run.state)}
