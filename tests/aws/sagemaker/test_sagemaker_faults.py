"""The services fail at every call in turn, in every way: a job is made once, and nothing stays that nobody finds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from aws_double import Fault
from sagemaker_double import SagemakerDouble
from sagemaker_fixtures import Make
from sagemaker_jobs import job, staged

from zenml.errors import ConfigError, ZenMLError
from zenml.runtime import remote_work
from zenml.testing.late_answers import let_time_fly
from zenml_aws.sagemaker import backend as backend_module

PASSING = ("throttled", "500", "cut-before", "cut-after", "late")


@pytest.fixture(autouse=True)
def _image(sagemaker: SagemakerDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody look for images."""
    sagemaker.denied.add("ecr:DescribeImages")
    let_time_fly(monkeypatch)


def calls_of(sagemaker: SagemakerDouble, act: Callable[[], object]) -> int:
    """Return how many calls something makes."""
    before = len(sagemaker.calls)
    act()
    return len(sagemaker.calls) - before


@pytest.mark.parametrize("how", PASSING)
def test_a_job_is_made_once_whichever_call_fails(
    how: str, sagemaker: SagemakerDouble, make: Make, tmp_path: Path
) -> None:
    backend = make()
    with staged(backend, tmp_path / "out") as shards:

        def work() -> None:
            sagemaker.training.plan[:] = ["succeed"]
            with pytest.raises(ZenMLError, match="the job failed"):
                backend.work(shards)

        for number in range(1, 1 + calls_of(sagemaker, work)):
            sagemaker.faults[:] = [fault := Fault(how, at=number)]
            before = len(sagemaker.training.jobs)
            work()
            assert fault.seen >= number
            assert len(sagemaker.training.jobs) == before + 1
            assert sagemaker.training.live() == []


@pytest.mark.parametrize("how", ["throttled", "cut-after", "late"])
def test_looking_and_cleaning_up_put_up_with_faults(how: str, sagemaker: SagemakerDouble, make: Make) -> None:
    backend = make()
    acts: list[Callable[[], object]] = [
        backend.list_runs,
        lambda: backend.clean_up("r0123456789012345678"),
        lambda: (remote_work._sound.clear(), backend.check_access()),
    ]
    for act in acts:
        for number in range(1, 1 + calls_of(sagemaker, act)):
            sagemaker.faults[:] = [Fault(how, at=number)]
            act()
        sagemaker.faults.clear()


@pytest.mark.parametrize("operation", ["CreateTrainingJob", "DescribeTrainingJob"])
def test_a_service_that_stays_away_leaves_no_job(
    operation: str, sagemaker: SagemakerDouble, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend_module, "_PATIENCE", 1)
    sagemaker.training.plan[:] = ["wait"]
    at = 2 if operation == "DescribeTrainingJob" else 1  # the first is whether the job is there already
    sagemaker.faults[:] = [Fault("cut-after", at=at, operation=operation, times=1_000)]
    backend = make()
    with staged(backend, tmp_path / "out") as shards, pytest.raises(ZenMLError, match=f"^sagemaker {operation} in"):
        backend.work(shards)
    sagemaker.faults.clear()
    sagemaker.wait_for(lambda: not sagemaker.training.live())
    assert len(sagemaker.training.jobs) == 1
    assert backend.list_jobs() == []


@pytest.mark.parametrize("operation", ["CreateTrainingJob", "DescribeTrainingJob", "ListTrainingJobs"])
def test_a_missing_permission_is_named(operation: str, sagemaker: SagemakerDouble, make: Make, tmp_path: Path) -> None:
    sagemaker.denied |= {f"sagemaker:{operation}", "iam:SimulatePrincipalPolicy"}
    with pytest.raises(ConfigError, match=rf"you may not sagemaker:{operation}\b.*Ask for a policy"):
        make().carry_out(job(tmp_path / "out"))
    assert sagemaker.training.jobs == {}


def test_a_job_that_may_not_be_stopped_is_told_of(
    sagemaker: SagemakerDouble, make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sagemaker.denied |= {"sagemaker:StopTrainingJob", "iam:SimulatePrincipalPolicy"}
    sagemaker.training.plan[:] = ["wait"]
    sagemaker.faults[:] = [Fault("AccessDeniedException", at=3, operation="DescribeTrainingJob", times=1_000)]
    with pytest.raises(ZenMLError):
        make().carry_out(job(tmp_path / "out"))
    assert "could not be stopped on SageMaker: " in capsys.readouterr().err


def test_credentials_that_expire_meanwhile_are_told(sagemaker: SagemakerDouble, make: Make, tmp_path: Path) -> None:
    sagemaker.training.plan[:] = ["wait"]
    sagemaker.faults[:] = [Fault("ExpiredTokenException", at=3, operation="DescribeTrainingJob", times=1_000)]
    with pytest.raises(ConfigError, match="the AWS credentials have expired"):
        make().carry_out(job(tmp_path / "out"))
    assert sagemaker.count("StopTrainingJob") >= 1


def test_a_log_that_may_not_be_read_is_no_more_than_missing(
    sagemaker: SagemakerDouble, make: Make, tmp_path: Path
) -> None:
    sagemaker.denied.add("logs:GetLogEvents")
    sagemaker.training.plan[:] = ["exit"]
    with pytest.raises(ZenMLError, match=r"ended with exit code 9, and told nothing.*Look at what it wrote last$"):
        make().carry_out(job(tmp_path / "out"))
