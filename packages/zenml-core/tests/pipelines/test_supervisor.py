from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from zenml.backends.orchestrator import OrchestratorSubprocessBackend
from zenml.metadata.liveness import this_owner
from zenml.metadata.records import State
from zenml.pipelines import Pipeline
from zenml.runtime.job_folder import JobFolder, StatusFile
from zenml.runtime.remote_job import EXIT_COMPLETE, EXIT_FAILED
from zenml.runtime.run import Run
from zenml.runtime.supervisor import supervise


@pytest.fixture
def staged(project: Path, steps: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run that was submitted to a platform that has not begun it."""
    monkeypatch.setattr(OrchestratorSubprocessBackend, "submit", lambda *_: None)
    return Pipeline(name="Mine").add_step(steps.Note()).run(backend=OrchestratorSubprocessBackend(), wait=False)


def begin(run: Run) -> int:
    return supervise(run.store.uri(f"runs/{run.id}/spec.yaml"))


def vanished(run: Run, *, preemptions: int) -> None:
    """Leave what a life left that had no last word."""
    gone = replace(this_owner(), pid=2**22 + 1)
    status = StatusFile(State.RUNNING, gone, life=preemptions + 1, preemptions=preemptions)
    JobFolder(run.store, run.id).write_status(status)


def test_a_job_whose_machine_vanished_goes_on(staged: Run) -> None:
    vanished(staged, preemptions=2)
    assert begin(staged) == EXIT_COMPLETE
    status = JobFolder(staged.store, staged.id).last_status()
    assert status is not None
    assert (status.life, status.preemptions, status.state) == (4, 3, State.COMPLETE)
    assert staged.state == "COMPLETE"


def test_a_job_whose_machines_keep_vanishing_fails(staged: Run) -> None:
    vanished(staged, preemptions=3)
    assert begin(staged) == EXIT_FAILED
    assert staged.state == "FAILED"
    assert staged.record.error == "preempted 4 times, more than the 3 allowed"
    assert begin(staged) == EXIT_FAILED  # its platform starts it once more
    assert staged.state == "FAILED"


def test_a_job_that_ended_is_not_run_again(staged: Run, steps: ModuleType) -> None:
    assert begin(staged) == EXIT_COMPLETE
    record = staged.record
    assert begin(staged) == EXIT_COMPLETE
    assert staged.record == record


def test_a_package_that_was_changed_is_not_run(staged: Run) -> None:
    (package,) = staged.store.list("packages")
    staged.store.write_bytes(package, b"something else")
    assert begin(staged) == EXIT_FAILED
    assert "the code package was changed after it was built" in staged.record.error
    assert {str(step.state) for step in staged.steps.values()} <= {"SKIPPED"}
