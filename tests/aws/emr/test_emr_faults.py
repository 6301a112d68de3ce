"""EMR's API fails at every call in turn, in every way: a job is made once, and nothing stays that nobody finds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from emr_double import HOWS, EmrDouble, Fault
from emr_jobs import Make, job, staged

from zenml.errors import ConfigError, ZenMLError
from zenml.testing.late_answers import let_time_fly
from zenml_aws.emr.backend import ProcessingEMRBackend


def calls_of(emr: EmrDouble, act: Callable[[], object]) -> int:
    """Return how many calls something makes."""
    before = len(emr.calls)
    act()
    return len(emr.calls) - before


def test_a_job_is_run_once_whichever_call_fails(emr: EmrDouble, make: Make, tmp_path: Path) -> None:
    backend = make()
    with staged(backend, tmp_path / "out") as shards:

        def work() -> None:
            emr.host.plan[:] = ["succeed"]
            backend.work(shards)

        for number in range(1, 1 + calls_of(emr, work)):
            emr.faults[:] = [fault := Fault(("cut-after", "error")[number % 2], at=number)]
            before = len(emr.serverless.jobs)
            work()
            assert fault.seen >= number
            assert len(emr.serverless.jobs) == before + 1
            assert {row.state for row in emr.serverless.applications.values()} == {"TERMINATED"}


@pytest.mark.parametrize("how", HOWS)
def test_a_step_is_run_once_whichever_call_fails(
    how: str, emr: EmrDouble, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_time_fly(monkeypatch)
    cluster = emr.clusters.add()
    backend = make(cluster_id=cluster)
    with staged(backend, tmp_path / "out") as shards:

        def work() -> None:
            emr.host.plan[:] = ["succeed"]
            backend.work(shards)

        for number in range(1, 1 + calls_of(emr, work)):
            emr.faults[:] = [fault := Fault(how, at=number)]
            before = len(emr.clusters.clusters[cluster].steps)
            work()
            assert fault.seen >= number
            assert len(emr.clusters.clusters[cluster].steps) == before + 1


@pytest.mark.parametrize("how", HOWS)
def test_every_call_may_fail_once_in_any_way(
    how: str, emr: EmrDouble, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_time_fly(monkeypatch)
    for backend in (make(), make(application_id=emr.serverless.add())):
        with staged(backend, tmp_path / "out") as shards:
            emr.host.plan[:] = ["succeed"]
            emr.faults[:] = [Fault(how, at=at) for at in range(1, 200, 2)]
            before = len(emr.serverless.jobs)
            backend.check_access()
            backend.work(shards)
            assert len(emr.serverless.jobs) == before + 1
            assert emr.serverless.live() == []
            assert backend.list_jobs() == []


@pytest.mark.parametrize("operation", ["StartJobRun", "GetJobRun"])
def test_a_service_that_stays_away_leaves_no_job(
    operation: str, emr: EmrDouble, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zenml_aws.emr.backend._PATIENCE", 1)
    backend = make(application_id=emr.serverless.add())
    emr.host.plan[:] = ["wait"]
    emr.faults[:] = [Fault("cut-after", operation=operation, times=1_000)]
    with staged(backend, tmp_path / "out") as shards, pytest.raises(ZenMLError, match=f"emr-serverless {operation}"):
        backend.work(shards)
    assert len(emr.serverless.jobs) == 1
    assert emr.serverless.live() in ([], [*emr.serverless.jobs])
    assert emr.count("CancelJobRun") >= 1


def test_a_step_that_was_added_unseen_is_cancelled(emr: EmrDouble, make: Make, tmp_path: Path) -> None:
    cluster = emr.clusters.add()
    backend = make(cluster_id=cluster)
    emr.host.plan[:] = ["wait"]
    emr.faults[:] = [
        Fault("error", operation="DescribeStep", times=1_000),
        Fault("cut-after", operation="AddJobFlowSteps"),
    ]
    with staged(backend, tmp_path / "out") as shards, pytest.MonkeyPatch.context() as patch:
        patch.setattr("zenml_aws.emr.backend._PATIENCE", 1)
        with pytest.raises(ZenMLError, match="emr DescribeStep"):
            backend.work(shards)
    (step,) = emr.clusters.clusters[cluster].steps
    assert step.state in ("CANCEL_PENDING", "CANCELLED")


@pytest.mark.parametrize("operation", ["ListApplications", "CreateApplication", "StartJobRun", "GetJobRun"])
def test_a_missing_permission_is_named(operation: str, emr: EmrDouble, make: Make, tmp_path: Path) -> None:
    emr.faults[:] = [Fault("denied", operation=operation, times=1_000)]
    with pytest.raises(ConfigError, match=rf"you may not emr-serverless:{operation}\b.*Ask for a policy"):
        make().map(job(tmp_path / "out"))
    assert emr.serverless.live() == []
    assert {row.state for row in emr.serverless.applications.values()} <= {"TERMINATED"}


@pytest.mark.parametrize("operation", ["DescribeCluster", "ListSteps", "AddJobFlowSteps", "DescribeStep"])
def test_a_missing_permission_on_a_cluster_is_named(operation: str, emr: EmrDouble, make: Make, tmp_path: Path) -> None:
    emr.faults[:] = [Fault("denied", operation=operation, times=1_000)]
    with pytest.raises(ConfigError, match=rf"you may not elasticmapreduce:{operation}\b.*Ask for a policy"):
        make(cluster_id=emr.clusters.add()).map(job(tmp_path / "out"))
    assert emr.clusters.live() == []


def test_credentials_that_expire_amid_a_step_are_told(emr: EmrDouble, make: Make, tmp_path: Path) -> None:
    emr.host.plan[:] = ["wait"]
    emr.faults[:] = [Fault("expired", operation="DescribeStep", times=1_000)]
    with pytest.raises(ConfigError, match="the AWS credentials have expired"):
        make(cluster_id=emr.clusters.add()).map(job(tmp_path / "out"))
    assert emr.count("CancelSteps") >= 1


def test_credentials_that_expire_meanwhile_are_told(emr: EmrDouble, make: Make, tmp_path: Path) -> None:
    emr.host.plan[:] = ["wait"]
    emr.faults[:] = [Fault("expired", operation="GetJobRun", times=1_000)]
    with pytest.raises(ConfigError, match="the AWS credentials have expired"):
        make(application_id=emr.serverless.add()).map(job(tmp_path / "out"))
    assert emr.count("CancelJobRun") >= 1


def acts(backend: ProcessingEMRBackend) -> dict[str, Callable[[], object]]:
    return {"list": backend.list_runs, "end": lambda: backend.clean_up("r0123456789012345678")}


@pytest.mark.parametrize("how", ["throttled", "cut-after", "late"])
def test_looking_and_cleaning_up_put_up_with_faults(
    how: str, emr: EmrDouble, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_time_fly(monkeypatch)
    for backend in (make(), make(application_id=emr.serverless.add()), make(cluster_id=emr.clusters.add())):
        for act in acts(backend).values():
            for number in range(1, 1 + calls_of(emr, act)):
                emr.faults[:] = [Fault(how, at=number)]
                act()
            emr.faults.clear()
