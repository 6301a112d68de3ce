"""How training jobs end, and what is told of it: failures in words, interruptions, and jobs that are there already."""

from __future__ import annotations

import signal
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from aws_double.interrupting import interrupting
from sagemaker_double import ACCOUNT, REGION, ROLE, SagemakerDouble
from sagemaker_fixtures import IMAGE, Make
from sagemaker_jobs import job, staged

from zenml.data.shards import fold_order
from zenml.errors import DataError, ZenMLError
from zenml.runtime.canceling import CanceledError, PreemptedError, stop_on_sigterm
from zenml_aws.sagemaker import backend as backend_module
from zenml_aws.sagemaker.distributed import DistributedTrainingSagemakerBackend
from zenml_aws.sagemaker.jobs import TrainingJobs
from zenml_aws.session import connect


@pytest.fixture(autouse=True)
def _image(sagemaker: SagemakerDouble) -> None:
    """Let nobody look for images."""
    sagemaker.denied.add("ecr:DescribeImages")


def interrupted(sagemaker: SagemakerDouble, number: signal.Signals) -> AbstractContextManager[None]:
    """Send this process a signal when a job trains."""
    sagemaker.training.plan[:] = ["wait"]
    jobs = sagemaker.training.jobs
    return interrupting(lambda: any(each.stage == "Training" for each in list(jobs.values())), number)


def test_what_is_raised_there_is_raised_here(sagemaker: SagemakerDouble, make: Make, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a bad cell"):
        make().carry_out(job(tmp_path / "out", "Raise"))
    (done,) = sagemaker.training.jobs.values()
    sagemaker.wait_for(lambda: done.over.is_set())
    assert done.status in ("Completed", "Stopped")


def test_containers_work_and_nothing_is_left(
    sagemaker: SagemakerDouble, make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backend = make(DistributedTrainingSagemakerBackend, instance_count=2, extra_tags={"team": "ml"})
    mine = job(tmp_path / "out", machines=2)
    assert [state["number"] for state in fold_order(mine, backend.carry_out(mine))] == [1, 2]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["shard-00001", "shard-00002"]
    ((name, done),) = sagemaker.training.jobs.items()
    sagemaker.wait_for(lambda: done.over.is_set())
    assert done.status == "Completed"
    assert len({instance.folder for instance in done.instances}) == 2
    tags = {row["Key"]: row["Value"] for row in done.asked["Tags"]}
    assert tags["team"] == "ml"
    assert name.startswith(f"zenml-{tags['zenml-run']}-")
    link = f"https://{REGION}.console.aws.amazon.com/sagemaker/home?region={REGION}#/jobs/{name}"
    assert f"{name}: submitted: {link}" in capsys.readouterr().out
    assert backend.staging.transport.sizes("") == {}
    assert backend.list_runs() == []


OTHER = f"arn:aws:iam::{ACCOUNT}:role/of-another"


@pytest.mark.parametrize(
    ("options", "fate", "said"),
    [
        (
            {"image": IMAGE.replace("0.4", "9.9")},
            "",
            "SageMaker cannot pull the image.*Push it, and grant the role ecr:",
        ),
        ({"image": IMAGE.replace("0.4", "bare")}, "", r"the image has no zenml\b.*Install zenml-core.*No module named"),
        ({"python": "python9"}, "", r"the image has no python9.*Name its interpreter: python="),
        (
            {},
            "CapacityError: Unable to provision requested ML compute capacity. Please retry using a different type.",
            "SageMaker has no capacity for this instance type now.*Run again later",
        ),
        ({}, "die", r"ran out of memory \(SageMaker says: AlgorithmError: , exit code: 137\)"),
        ({}, "MaxRuntimeExceeded", "the training took longer than it may.*deadline_seconds="),
        ({"spot": True}, "MaxWaitTimeExceeded", "waited too long for spot capacity.*spot_wait_seconds="),
        ({}, "InternalServerError: We encountered an internal error.", "an error of its own.*zenml run resume"),
        ({}, "exit", "ended with exit code 9, and told nothing.*\n  what it wrote last"),
        ({}, "succeed", r"the job failed \(SageMaker says: Training job completed\)"),
    ],
    ids=["image", "bare", "python", "capacity", "memory", "deadline", "spot", "internal", "code", "silent"],
)
def test_a_job_without_an_answer_is_told_in_words(
    options: dict[str, object], fate: str, said: str, sagemaker: SagemakerDouble, make: Make, tmp_path: Path
) -> None:
    sagemaker.training.bare_images.add(IMAGE.replace("0.4", "bare"))
    sagemaker.training.plan[:] = [fate]
    with pytest.raises(ZenMLError, match=rf"(?s)^zenml-r\w{{19}}-\w{{16}}: https://.*/jobs/zenml-\S+: .*{said}"):
        make(**options).carry_out(job(tmp_path / "out"))
    assert sagemaker.training.live() == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"instance_type": "ml.p4d.24xlarge"}, r"quota for this instance type is used up: The account-level .* is 0"),
        ({"role": OTHER}, "SageMaker cannot assume the role of the job: Could not assume role.*trusts sagemaker"),
        ({"deadline_seconds": 500_000}, "does not let a job take so long.*deadline_seconds="),
        ({"instance_type": "ml.new.large"}, "SageMaker does not take the instance type"),
    ],
    ids=["quota", "role", "time", "type"],
)
def test_a_refusal_is_told_in_words(
    options: dict[str, object],
    said: str,
    sagemaker: SagemakerDouble,
    make: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backend_module, "find_problems", lambda *_: [])
    sagemaker.training.quota["ml.p4d.24xlarge"] = 0
    with pytest.raises(ZenMLError, match=rf"(?s)^sagemaker CreateTrainingJob in {REGION}: .*{said}"):
        make(**options).carry_out(job(tmp_path / "out"))
    assert sagemaker.training.jobs == {}


def test_a_role_that_may_not_be_passed_is_told(sagemaker: SagemakerDouble, make: Make, tmp_path: Path) -> None:
    sagemaker.denied |= {"iam:SimulatePrincipalPolicy", "iam:PassRole"}
    with pytest.raises(ZenMLError, match=f"you may not iam:PassRole on {ROLE}"):
        make().carry_out(job(tmp_path / "out"))


def test_a_lost_machine_is_followed_by_another_within_the_budget(
    sagemaker: SagemakerDouble, make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sagemaker.training.plan[:] = ["lost", "lost"]
    with pytest.raises(ZenMLError, match="exit code 75"):
        make(max_restarts=1).carry_out(job(tmp_path / "out"))
    first, second = sagemaker.training.jobs
    assert second == f"{first}-2"
    assert "submitted again (1 of 1)" in capsys.readouterr().out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_client_that_is_stopped_stops_the_job(
    number: signal.Signals, sagemaker: SagemakerDouble, make: Make, tmp_path: Path
) -> None:
    with pytest.raises((KeyboardInterrupt, CanceledError)), stop_on_sigterm(), interrupted(sagemaker, number):
        make().carry_out(job(tmp_path / "out"))
    assert sagemaker.count("StopTrainingJob") == 1
    sagemaker.wait_for(lambda: not sagemaker.training.live())
    assert make().list_runs() == []


def test_a_client_that_is_preempted_leaves_the_job_and_finds_it_again(
    sagemaker: SagemakerDouble, make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backend = make()
    with staged(backend, tmp_path / "out") as shards:
        with pytest.raises(PreemptedError), stop_on_sigterm(), interrupted(sagemaker, signal.SIGUSR1):
            backend.work(shards)
        (run,) = backend.list_jobs()
        assert run.run_id == shards.run_id
        ((name, left),) = sagemaker.training.jobs.items()
        left.stop.set()
        with pytest.raises(ZenMLError, match="the training job was stopped on SageMaker"):
            backend.work(shards)
        assert f"{name}: goes on" in capsys.readouterr().out
        assert sagemaker.count("CreateTrainingJob") == 1


def test_a_job_of_an_earlier_life_is_followed_by_one_of_another_name(
    sagemaker: SagemakerDouble, make: Make, tmp_path: Path
) -> None:
    backend = make()
    with staged(backend, tmp_path / "out") as shards:
        sagemaker.training.plan[:] = ["wait", "exit"]
        jobs = TrainingJobs(connect("sagemaker", REGION))
        name = backend._begin(jobs, shards)
        sagemaker.wait_for(lambda: sagemaker.training.jobs[name].stage == "Training")
        backend.end_jobs(shards.run_id)
        with pytest.raises(ZenMLError, match="exit code 9"):
            backend.work(shards)  # which waits until the first has stopped
        assert [*sagemaker.training.jobs] == [name, f"{name}-2"]
        backend.end_jobs(shards.run_id)
        jobs.stop(name)  # it has ended
        jobs.stop("zenml-nothing")  # there is none


def test_a_container_that_goes_on_after_its_training_is_stopped(
    sagemaker: SagemakerDouble, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend_module, "_LAST_SECONDS", 0.1)
    backend = make()
    with staged(backend, tmp_path / "out") as shards:
        sagemaker.training.plan[:] = ["wait"]
        jobs = TrainingJobs(connect("sagemaker", REGION))
        backend._let_end(jobs, backend._begin(jobs, shards))
        sagemaker.wait_for(lambda: not sagemaker.training.live())
