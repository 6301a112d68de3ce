"""How jobs end on EMR, and what is told of it: failures in words, interruptions, and jobs that are there already."""

from __future__ import annotations

import signal
import threading
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from aws_double.interrupting import interrupting
from emr_double import EmrDouble
from emr_jobs import Make, job, staged

from zenml.data.shards import fold_order
from zenml.errors import ZenMLError
from zenml.runtime.canceling import CanceledError, PreemptedError, stop_on_sigterm
from zenml_aws.emr.explain import explained

OTHER_ROLE = "arn:aws:iam::123456789012:role/of-another"


def interrupted(emr: EmrDouble, number: signal.Signals) -> AbstractContextManager[None]:
    """Send this process a signal when the next application has begun."""
    emr.host.plan[:] = ["wait"]
    return interrupting(emr.host.begun.is_set, number)


def test_a_step_of_a_cluster_gives_what_work_in_process_gives(emr: EmrDouble, make: Make, tmp_path: Path) -> None:
    backend = make(cluster_id=emr.clusters.add(), conf={"spark.task.maxFailures": 2})
    mine = job(tmp_path / "out")
    states = fold_order(mine, backend.map(mine))
    assert [state["number"] for state in states] == [1, 2]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["shard-00001", "shard-00002"]
    assert emr.clusters.live() == []


def test_an_application_is_made_for_a_job_and_deleted(
    emr: EmrDouble, make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backend = make(release_label="emr-7.9.0", deadline_seconds=90, extra_tags={"team": "ml"}, executors=4)
    mine = job(tmp_path / "out")
    fold_order(mine, backend.map(mine))
    (application,) = emr.serverless.applications.values()
    (run,) = emr.serverless.jobs.values()
    assert application.state == "TERMINATED"
    assert application.asked["releaseLabel"] == "emr-7.9.0"
    assert run.asked["executionTimeoutMinutes"] == 2
    assert run.asked["tags"]["team"] == application.asked["tags"]["team"] == "ml"
    assert run.asked["tags"]["zenml-run"] in run.asked["name"]
    assert "spark.dynamicAllocation.maxExecutors=4" in run.asked["jobDriver"]["sparkSubmit"]["sparkSubmitParameters"]
    left = backend.staging.transport.sizes("")
    assert sorted({name.split("/")[0] for name in left}) == ["emr", "logs"]
    assert f"tried: runs on EMR Serverless: https://p-{run.id}." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"execution_role_arn": OTHER_ROLE}, r"EMR cannot assume the role of the job.*trusts emr-serverless"),
        (
            {"environment": None, "application_id": True},
            r"Python 3\.\d+\.\d+ at \S+ lacks ZenML: No module named 'zenml'.*Install zenml-aws",
        ),
        (
            {"environment": None, "python": "/usr/bin/python9", "application_id": True},
            r"EMR finds no interpreter at /usr/bin/python9.*python=",
        ),
    ],
)
def test_an_application_that_cannot_begin_is_told_why(
    options: dict[str, object], said: str, emr: EmrDouble, make: Make, tmp_path: Path
) -> None:
    if options.get("application_id"):
        options = {**options, "application_id": emr.serverless.add()}
    with pytest.raises(ZenMLError, match=rf"(?s)^tried \(zenml-r\w{{19}}-\w+ on EMR Serverless.*\): {said}"):
        make(**options).map(job(tmp_path / "out"))


def test_no_capacity_is_told(emr: EmrDouble, make: Make, tmp_path: Path) -> None:
    emr.serverless.out_of_capacity = (
        "ServiceQuotaExceededException: Worker could not be allocated as the account has reached its vCPU quota"
    )
    with pytest.raises(ZenMLError, match=r"EMR has no room for the job's workers \(EMR says: ServiceQuota.*raised"):
        make().map(job(tmp_path / "out"))


def test_a_failed_step_shows_what_the_driver_said(emr: EmrDouble, make: Make, staging: str, tmp_path: Path) -> None:
    cluster = emr.clusters.add(logs=f"{staging}/cluster-logs")
    emr.host.plan[:] = ["26/01/01 10:00:00 INFO Utils: fine\njava.lang.OutOfMemoryError: Java heap space\n\tat org.x.Y"]
    with pytest.raises(ZenMLError) as caught:
        make(cluster_id=cluster).map(job(tmp_path / "out"))
    (problem,) = caught.value.problems
    assert problem.what.startswith("a worker ran out of memory (EMR says: Unknown Error. Exception in thread main")
    assert problem.mend.endswith("driver_memory=\n  java.lang.OutOfMemoryError: Java heap space")


def test_a_deadline_ends_a_driver(emr: EmrDouble, make: Make, tmp_path: Path) -> None:
    emr.host.plan[:] = ["zenml-emr: the deadline of 60 s has passed"]
    with pytest.raises(ZenMLError, match=r"the deadline of 60 s has passed.*deadline_seconds="):
        make(deadline_seconds=60).map(job(tmp_path / "out"))


@pytest.mark.parametrize("place", ["serverless", "cluster"])
def test_ctrl_c_ends_the_job(place: str, emr: EmrDouble, make: Make, tmp_path: Path) -> None:
    backend = make(cluster_id=emr.clusters.add()) if place == "cluster" else make()
    with pytest.raises(KeyboardInterrupt), interrupted(emr, signal.SIGINT):
        backend.map(job(tmp_path / "out"))
    assert emr.count("CancelSteps" if place == "cluster" else "CancelJobRun") >= 1
    emr.host.end_works()
    assert backend.list_runs() == []
    assert {row.state for row in emr.serverless.applications.values()} <= {"TERMINATED"}


def test_sigterm_ends_the_job(emr: EmrDouble, make: Make, tmp_path: Path) -> None:
    backend = make(application_id=emr.serverless.add())
    with stop_on_sigterm(), pytest.raises(CanceledError), interrupted(emr, signal.SIGTERM):
        backend.map(job(tmp_path / "out"))
    assert emr.count("CancelJobRun") >= 1


def test_a_preempted_client_leaves_the_job_for_its_next_life(emr: EmrDouble, make: Make, tmp_path: Path) -> None:
    backend = make(cluster_id=emr.clusters.add())
    with staged(backend, tmp_path / "out") as shards:
        with stop_on_sigterm(), pytest.raises(PreemptedError), interrupted(emr, signal.SIGUSR1):
            backend.work(shards)
        assert len(emr.clusters.live()) == 1
        backend.end_jobs(shards.run_id)
    emr.host.end_works()
    assert backend.list_jobs() == []


def test_a_job_that_is_at_work_is_waited_for(emr: EmrDouble, make: Make, tmp_path: Path) -> None:
    for backend in (make(application_id=emr.serverless.add()), make(cluster_id=emr.clusters.add())):
        emr.host.plan[:] = ["hold"]
        emr.host.released.clear()
        with staged(backend, tmp_path / "out") as shards:
            backend.place.submit(backend.submission(shards))
            emr.host.released.set()
            backend.work(shards)
            assert len(shards.collect()) == 2
    assert emr.count("StartJobRun") == emr.count("AddJobFlowSteps") == 1


def test_a_job_that_somebody_cancels_is_told(emr: EmrDouble, make: Make, tmp_path: Path) -> None:
    backend = make(application_id=emr.serverless.add())

    def cancel() -> None:
        assert emr.host.begun.wait(60)
        for run in backend.list_jobs():
            backend.end_jobs(run.run_id)

    emr.host.plan[:] = ["wait"]
    threading.Thread(target=cancel).start()
    with pytest.raises(ZenMLError, match=r"the job was cancelled on EMR: Job run was cancelled\. Run again"):
        backend.map(job(tmp_path / "out"))


@pytest.mark.parametrize(
    ("details", "words", "said"),
    [
        ("User is not authorized to perform: sts:AssumeRole", [], "EMR cannot assume the role"),
        ("", ["Failed to pull image 1.dkr.ecr"], "EMR cannot pull the image"),
        ("Application has exceeded maximumCapacity settings", [], "the application's maximum capacity is used up"),
        ("Job failed", ["ExecutorLostFailure (executor 3 exited)"], "executors were lost"),
        ("Job failed", ["Container killed, Exit code: 137"], "a worker ran out of memory"),
        ("Job run timed out", [], "Job run timed out"),
        (
            "",
            ["java.io.FileNotFoundException: No such file or directory 's3://b/env.tar.gz'"],
            "s3://b/env.tar.gz is not",
        ),
        ("", ["s3://b/env.zip does not exist"], "the environment s3://b/env.zip is not there"),
        ("Access Denied (Service: S3)", [], "the role of the job may not do what the job needs"),
        ("Something else", ["a last word"], r"the job failed \(EMR says: Something else\)"),
    ],
)
def test_reasons_are_told_in_words(details: str, words: list[str], said: str) -> None:
    problem = explained(details, words, "here")
    assert problem.what.startswith(said.replace("\\", "")) or said in problem.what
    assert problem.mend
    assert all(word in problem.mend for word in words)
