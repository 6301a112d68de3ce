"""Retries, resuming, canceling, and the logs of steps."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType

import pytest

from zenml.backends.orchestrator import OrchestratorSubprocessBackend
from zenml.errors import ConfigError, RunFailed, StoreError
from zenml.pipelines import Pipeline
from zenml.repo import Repository
from zenml.runtime.run import Run

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts processes whose output can be read, and ends those that are left."""
    with ExitStack() as processes:

        def begin(*command: str) -> subprocess.Popen[str]:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            processes.enter_context(process)
            processes.callback(process.kill)
            return process

        yield begin


def line(process: subprocess.Popen[str]) -> str:
    """Return the next line of what a process prints."""
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.fixture
def counter(tmp_path: Path) -> Path:
    """A file that counts attempts."""
    return tmp_path / "attempts"


def flaky(steps: ModuleType, counter: Path, **config: object) -> Pipeline:
    """Return a pipeline whose second step fails at first."""
    pipeline = Pipeline(name="Flaky").add_step(steps.Note())
    return pipeline.add_step(steps.Flaky(counter=str(counter), **config), id="flaky").add_step(steps.Repeat())


def newest() -> Run:
    """Return the newest run."""
    return Repository.get_instance().get_runs()[0]


Call = Callable[..., tuple[int, str]]


def test_a_step_is_tried_again_as_often_as_it_says(project: Path, steps: ModuleType, counter: Path) -> None:
    pipeline = flaky(steps, counter, fails=2)
    pipeline.steps["flaky"].with_retry(2, delay=0)
    run = pipeline.run()
    assert run.state == "COMPLETE"
    assert run.steps["flaky"].record.attempt == f"{run.id}.flaky.3"
    assert run.steps["flaky"].record.error == ""
    assert len(list((project / ".zenml/artifacts/Evaluation").rglob("manifest.json"))) == 2
    assert run.logs("flaky").splitlines()[0] == "attempt 1"
    assert "attempt 3" in run.logs("flaky")
    assert pipeline.run().steps["flaky"].state == "CACHED"


def test_what_fails_in_the_same_way_again_is_not_tried_again(project: Path, steps: ModuleType, counter: Path) -> None:
    pipeline = flaky(steps, counter, fails=9, bad_data=True)
    pipeline.steps["flaky"].with_retry(5, delay=0)
    with pytest.raises(RunFailed, match="bad rows"):
        pipeline.run()
    assert counter.read_text() == "x"


def test_a_step_that_fails_each_time_fails_the_run(project: Path, steps: ModuleType, counter: Path) -> None:
    pipeline = flaky(steps, counter, fails=9)
    pipeline.steps["flaky"].with_retry(2, delay=0)
    with pytest.raises(RunFailed, match="error"):
        pipeline.run()
    assert counter.read_text() == "xxx"
    assert newest().steps["flaky"].state == "FAILED"


def test_delays_grow_up_to_a_limit(steps: ModuleType, counter: Path) -> None:
    step = steps.Flaky(counter=str(counter)).with_retry(4, delay=3, factor=4, max_delay=20)
    assert step.retry.delays() == [3, 12, 20, 20]
    with pytest.raises(ConfigError, match=r"Flaky.with_retry.retries"):
        step.with_retry(-1)


def test_retries_and_caching_are_written_in_the_file_and_change_no_fingerprint(
    project: Path, steps: ModuleType, counter: Path
) -> None:
    pipeline = flaky(steps, counter, fails=0)
    first = pipeline.run()
    pipeline.steps["flaky"].with_retry(3, delay=0.5)
    pipeline.steps["note"].with_cache(False)
    text = pipeline.to_yaml(project / "flaky.yaml")
    assert "enable_cache: false" in text
    assert "retries: 3" in text
    again = Pipeline.from_yaml(project / "flaky.yaml")
    assert again.to_yaml() == text
    run = again.run()
    assert [str(step.state) for step in run.steps.values()] == ["COMPLETE", "CACHED", "CACHED"]
    assert run.steps["note"].record.fingerprint == first.steps["note"].record.fingerprint


def test_a_pipeline_without_cache_runs_all_but_the_steps_that_want_it(
    project: Path, steps: ModuleType, counter: Path
) -> None:
    flaky(steps, counter, fails=0).run()
    pipeline = flaky(steps, counter, fails=0)
    pipeline.enable_cache = False
    pipeline.steps["note"].with_cache(True)
    assert "enable_cache: false\nsteps:" in pipeline.to_yaml()
    assert [str(step.state) for step in pipeline.run().steps.values()] == ["CACHED", "COMPLETE", "COMPLETE"]


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_failed_run_goes_on_from_its_last_published_step(
    project: Path, steps: ModuleType, counter: Path, call: Call, elsewhere: bool
) -> None:
    backend = OrchestratorSubprocessBackend() if elsewhere else None
    with pytest.raises(RunFailed):
        flaky(steps, counter).run(backend=backend)
    run = newest()
    before = run.steps["note"].record
    assert call("run", "resume", run.id[:12])[0] == 0
    assert run.state == "COMPLETE"
    assert run.steps["note"].record == before
    assert [str(step.state) for step in run.steps.values()] == ["COMPLETE"] * 3
    assert run.steps["flaky"].record.attempt == f"{run.id}.flaky.2"
    assert (run.record.error, len(Repository.get_instance().get_runs())) == ("", 1)
    assert call("run", "logs", run.id, "flaky")[1].splitlines()[-1] == "attempt 2"


def test_a_pipeline_resumes_its_run_with_the_failed_step_mended(
    project: Path, steps: ModuleType, counter: Path
) -> None:
    with pytest.raises(RunFailed):
        flaky(steps, counter, fails=9).run()
    failed = newest()
    run = flaky(steps, counter, fails=0).run(resume=failed)
    assert (run.id, run.state) == (failed.id, "COMPLETE")
    assert "fails: 0" in run.record.spec
    with pytest.raises(ConfigError, match="nothing left to do"):
        flaky(steps, counter, fails=0).run(resume=run.id)


def test_a_run_whose_published_steps_changed_is_not_resumed(project: Path, steps: ModuleType, counter: Path) -> None:
    with pytest.raises(RunFailed):
        flaky(steps, counter).run()
    run = newest()
    other = Pipeline(name="Flaky").add_step(steps.Note(word="other"))
    other.add_step(steps.Flaky(counter=str(counter)), id="flaky").add_step(steps.Repeat())
    with pytest.raises(
        ConfigError, match=r"note: it is published, and has changed since: config word: .* → other\. Undo"
    ):
        other.run(resume=run.id)
    with pytest.raises(ConfigError, match="not of this pipeline"):
        Pipeline(name="Flaky").add_step(steps.Note()).run(resume=run.id)
    shutil.rmtree(next(iter(run.steps["note"].outputs.values())).path)
    with pytest.raises(ConfigError, match="its output note is not as it was published"):
        flaky(steps, counter).run(resume=run.id)
    assert run.state == "FAILED"
    with pytest.raises(StoreError, match="no run 'r0'"):
        flaky(steps, counter).run(resume="r0")


def test_a_lost_run_goes_on_elsewhere_and_its_process_that_wakes_publishes_nothing(
    project: Path, steps: ModuleType, counter: Path, start: Start, call: Call
) -> None:
    code = (
        "import os, signal\nfrom zenml.pipelines import Pipeline\nimport steps_for_tests as s\n"
        "stop = s.Note.run\n"
        "def run(self, context):\n"
        "    stop(self, context)\n"
        "    print('asleep', flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGSTOP)\n"
        "s.Note.run = run\n"
        f"Pipeline(name='Flaky').add_step(s.Note())"
        f".add_step(s.Flaky(counter={str(counter)!r}, fails=0), id='flaky').add_step(s.Repeat()).run()\n"
    )
    sleeper = start(sys.executable, "-c", code)
    os.waitpid(sleeper.pid, os.WUNTRACED)  # until it has stopped itself
    run = newest()
    assert run.state == "RUNNING"
    code, told = call("run", "resume", run.id)
    assert code != 0
    assert f"run {run.id} is RUNNING, by process {sleeper.pid}" in told
    assert call("run", "resume", run.id, "--take-over")[0] == 0
    assert run.state == "COMPLETE"
    record = run.record
    sleeper.send_signal(signal.SIGCONT)
    _, told = sleeper.communicate(timeout=60)
    assert sleeper.returncode != 0
    assert "has been ended as COMPLETE" in told
    assert run.record == record
    folders = [path.parent for path in (project / ".zenml/artifacts/Evaluation").rglob("note.txt")]
    assert all((folder / "manifest.json").exists() for folder in folders)


def test_a_run_is_canceled_from_another_process(project: Path, steps: ModuleType, start: Start, call: Call) -> None:
    code = (
        "from zenml.pipelines import Pipeline\nfrom steps_for_tests import Note, Wait\n"
        "Pipeline(name='Long').add_step(Note()).add_step(Wait()).run()\n"
    )
    process = start(sys.executable, "-c", code)
    assert line(process) == "waiting\n"
    run = newest()
    assert call("run", "cancel", run.id) == (0, f"Run {run.id} was asked to stop\n")
    assert process.wait(timeout=60) != 0
    assert run.state == "CANCELED"
    assert [str(step.state) for step in run.steps.values()] == ["COMPLETE", "CANCELED"]
    assert call("run", "logs", run.id) == (0, "wait | waiting\n")
    with pytest.raises(ConfigError, match="nothing to stop"):
        run.cancel()


def test_logs_are_followed_while_the_run_goes_on(project: Path, steps: ModuleType, start: Start) -> None:
    code = (
        "from zenml.pipelines import Pipeline\nfrom steps_for_tests import Note, Wait\n"
        "Pipeline(name='Long').add_step(Wait()).run()\n"
    )
    process = start(sys.executable, "-c", code)
    assert line(process) == "waiting\n"
    follower = start(str(Path(sys.executable).with_name("zenml")), "run", "logs", newest().id, "--follow")
    assert line(follower) == "wait | waiting\n"
    assert follower.poll() is None
    process.terminate()
    process.wait(timeout=60)
    assert follower.wait(timeout=60) == 0


def test_the_log_of_a_step_is_clean_text_and_the_streams_are_as_before(
    project: Path, steps: ModuleType, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    def talk(self: object, context: object) -> None:
        print("\x1b[33myellow\x1b[0m\r\x1b[2K")
        print("\x1b[33myellow\x1b[0m")
        print("to standard error", file=sys.stderr)
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(steps.Note, "run", talk)
    streams = sys.stdout, sys.stderr
    with pytest.raises(RunFailed):
        Pipeline(name="Talk").add_step(steps.Note().with_retry(1, delay=0)).run()
    assert (sys.stdout, sys.stderr) == streams
    text = newest().logs()
    assert text.count("yellow\n") == 2
    assert "\x1b" not in text
    assert "to standard error\n" in text
    assert "ZeroDivisionError: a bug" in text
    code, told = call("run", "logs", newest().id, "note_")
    assert (code, "Did you mean" in told) == (2, True), told
