"""What can go wrong with Dataflow: calls that fail in turn, jobs that fail, and mistakes that are told first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dataflow_double import Dataflow
from google_double import Fault, GoogleDouble
from google_double.others import Buckets, Projects

from zenml.data.shards import ShardJob, fold_order
from zenml.errors import ConfigError, ZenMLError
from zenml.runtime.canceling import PreemptedError
from zenml.runtime.remote_shards import RemoteShards
from zenml.testing.late_answers import let_time_fly

pytestmark = pytest.mark.xdist_group("dataflow")
Make = Callable[..., Any]
CALLS = ("projects.testIamPermissions", "regions.list", "jobs.create", "jobs.get", "jobs.list")
WAYS = ("429", "500", "cut-before", "cut-after", "late")


def job(folder: Path, count: int = 2) -> ShardJob:
    shards = tuple({"number": number} for number in range(count))
    return ShardJob("zenml.testing.shard_ops:Arrays", shards, str(folder / "out"), {"scale": 1.0}, "some work")


def numbers(engine: Any, folder: Path) -> list[int]:
    made = job(folder)
    return [state["number"] for state in fold_order(made, engine.map(made))]


@pytest.mark.parametrize("how", WAYS)
def test_each_call_that_fails_is_made_again_and_no_second_job(
    engine: Make,
    google: GoogleDouble,
    dataflow: Dataflow,
    tmp_path: Path,
    how: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    let_time_fly(monkeypatch)
    google.faults += [Fault(how, at=at, method=call) for call in CALLS for at in (1, 3)]
    assert numbers(engine(), tmp_path) == [0, 1]
    assert len(dataflow.jobs) == 1
    assert all(fault.seen for fault in google.faults)


def test_an_answer_that_never_comes_is_not_waited_for(
    engine: Make, google: GoogleDouble, dataflow: Dataflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zenml_gcp.dataflow.service.SECONDS", 1.5)
    google.faults += [Fault("time-out", method="jobs.create")]
    assert numbers(engine(), tmp_path) == [0, 1]
    assert len(dataflow.jobs) == 1


def submit(engine: Any, shards: RemoteShards) -> None:
    """Submit a staged job, as a client does that goes on elsewhere right afterwards."""

    def leave(*_: object) -> None:
        raise PreemptedError("the machine is taken away")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(engine), "_watch", leave)
        with pytest.raises(PreemptedError):
            engine.work(shards)


@pytest.mark.parametrize("how", WAYS)
def test_a_job_is_told_stopped_and_found_although_each_call_fails_once(
    engine: Make, google: GoogleDouble, dataflow: Dataflow, tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_time_fly(monkeypatch)
    google.faults += [
        Fault(how, at=at, method=call) for call in (*CALLS, "jobs.update", "messages.list") for at in (1, 3)
    ]
    dataflow.fails.append(["Quota 'CPUS' exceeded."])
    with pytest.raises(ZenMLError, match="a quota is used up: Quota 'CPUS' exceeded"):
        engine().map(job(tmp_path))
    dataflow.holds = True
    with RemoteShards.stage(job(tmp_path, 3), engine().staging) as shards:
        submit(engine(), shards)
        (row,) = engine().list_runs()
        assert row.run_id == shards.run_id
        engine().clean_up(shards.run_id)
    assert [each.state for each in dataflow.jobs] == ["JOB_STATE_FAILED", "JOB_STATE_CANCELLED"]
    assert engine().list_runs() == []
    assert all(fault.seen for fault in google.faults)


def test_a_job_whose_messages_cannot_be_read_is_told_to_have_failed(
    engine: Make, google: GoogleDouble, dataflow: Dataflow, tmp_path: Path
) -> None:
    dataflow.fails.append(["a mystery"])
    google.denied["somebody@example.com"] = {"dataflow.messages.list"}
    with pytest.raises(ZenMLError) as caught:
        engine().map(job(tmp_path))
    told = str(caught.value)
    assert "some work: the Dataflow job failed, and its messages cannot be read: Dataflow: the permission" in told
    assert "dataflow.messages.list on proj-one/europe-west1" in told


def test_a_job_that_cannot_be_stopped_is_told_and_collected_later(
    engine: Make, google: GoogleDouble, dataflow: Dataflow, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataflow.holds = True
    google.faults.append(Fault("503", method="jobs.update", times=1000))
    with pytest.raises(ZenMLError, match="took longer than 1 s"):
        engine(max_run_duration=1).map(job(tmp_path))
    (left,) = dataflow.jobs
    said = " ".join(capsys.readouterr().err.split())
    assert f"{left.body['name']} could not be stopped" in said
    assert "Try: zenml gc" in said
    google.faults.clear()
    (row,) = engine().list_runs()
    engine().clean_up(row.run_id)
    assert left.state == "JOB_STATE_CANCELLED"


def test_credentials_that_expire_meanwhile_are_told(
    engine: Make, google: GoogleDouble, dataflow: Dataflow, tmp_path: Path
) -> None:
    dataflow.holds = True
    google.faults.append(Fault("401", at=2, method="jobs.get", times=1000))
    with pytest.raises(ConfigError, match="does not accept the credentials: they are wrong or have expired"):
        engine().map(job(tmp_path))
    assert [each.state for each in dataflow.jobs] == ["JOB_STATE_CANCELLED"]


def test_a_service_that_never_answers_is_told_and_leaves_no_job(
    engine: Make, google: GoogleDouble, dataflow: Dataflow, tmp_path: Path
) -> None:
    google.faults.append(Fault("503", method="locations.jobs.create", times=1000))
    with pytest.raises(ZenMLError, match="the service cannot do that now"):
        engine().map(job(tmp_path))
    assert dataflow.jobs == []


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Quota 'CPUS' exceeded. Limit: 24.0 in region europe-west1.", "a quota is used up: .*Set a lower num_workers"),
        ("ZONE_RESOURCE_POOL_EXHAUSTED: not enough", "no machines of this type left just now"),
        ("Failed to pull image: ErrImagePull eu.gcr.io/p/i:1", "cannot pull their image: .*Check image"),
        ("The worker ran out of memory (OOM)", "ran out of memory: .*machine_type with more memory"),
        ("x@y.com does not have storage.objects.get access", "a permission is missing: .*Dataflow Worker"),
        ("ModuleNotFoundError: No module named 'zenml_gcp'", "image lacks what the job needs"),
        ("Workflow failed. Causes: a mystery", "the Dataflow job failed: Workflow failed. Causes: a mystery"),
    ],
)
def test_a_job_that_fails_tells_why_in_words(
    engine: Make, dataflow: Dataflow, tmp_path: Path, said: str, told: str
) -> None:
    dataflow.fails.append(["a warning", said])
    with pytest.raises(ZenMLError, match=f"^some work: .*{told}.* See https://console.cloud.google.com/dataflow/jobs/"):
        engine().map(job(tmp_path))


def test_a_job_that_is_being_stopped_is_not_taken_for_a_new_one(
    engine: Make, google: GoogleDouble, dataflow: Dataflow
) -> None:
    from zenml_gcp.dataflow.job import job_body
    from zenml_gcp.dataflow.pipeline import StagedPipeline
    from zenml_gcp.dataflow.service import Dataflow as Client
    from zenml_gcp.google_api import GoogleAPI

    dataflow.holds, dataflow.stopping = True, 3
    pauses: list[float] = []
    client = Client(GoogleAPI(google.url, pauses.append), "proj-one", "europe-west1")
    pipeline = StagedPipeline(b"", "environment", (), "2.77.0")
    body = job_body(engine(), "zenml-x", {}, "gs://bucket/x", pipeline, "one")
    first = client.submit(body)
    assert client.submit(body)["id"] == first["id"]
    client.cancel(first["id"])
    second = client.submit({**body, "clientRequestId": "two"})
    assert second["id"] != first["id"]
    assert pauses == [5.0, 5.0]
    assert [job.state for job in dataflow.jobs] == ["JOB_STATE_CANCELLED", "JOB_STATE_PENDING"]


def test_a_job_that_somebody_stops_is_told(
    engine: Make, dataflow: Dataflow, tmp_path: Path, google: GoogleDouble
) -> None:
    dataflow.fails.append([])
    original = dataflow.look

    def look() -> None:
        original()
        for each in dataflow.jobs:
            each.state = "JOB_STATE_CANCELLED"

    dataflow.look = look  # type: ignore[method-assign] # somebody else
    with pytest.raises(ZenMLError, match="stopped by somebody else"):
        engine().map(job(tmp_path))


def test_ctrl_c_stops_the_job(
    engine: Make, dataflow: Dataflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    dataflow.holds = True
    monkeypatch.setattr("zenml_gcp.dataflow.backend.time.sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        engine().map(job(tmp_path))
    assert [each.state for each in dataflow.jobs] == ["JOB_STATE_CANCELLED"]


def test_a_job_that_takes_too_long_is_stopped(engine: Make, dataflow: Dataflow, tmp_path: Path) -> None:
    dataflow.holds = True
    with pytest.raises(ZenMLError, match=r"took longer than 1 s, and was stopped.*Raise max_run_duration"):
        engine(max_run_duration=1).map(job(tmp_path))
    assert [each.state for each in dataflow.jobs] == ["JOB_STATE_CANCELLED"]


def test_all_mistakes_are_told_at_once_before_anything_is_made(
    engine: Make, google: GoogleDouble, dataflow: Dataflow, tmp_path: Path
) -> None:
    google.service(Projects).lacking = {"dataflow.jobs.create", "dataflow.messages.list"}
    with pytest.raises(ConfigError) as caught:
        engine(region="europe-west9", staging_location="gs://no-such-bucket-here/x").map(job(tmp_path))
    permission, region, bucket = (str(problem) for problem in caught.value.problems)
    assert "you lack the permissions dataflow.jobs.create, dataflow.messages.list on the project" in permission
    assert "there is no region europe-west9. Did you mean europe-west" in region
    assert "the bucket no-such-bucket-here does not exist" in bucket
    assert dataflow.jobs == []


def test_machines_and_networks_that_are_not_there_are_told(engine: Make, dataflow: Dataflow, tmp_path: Path) -> None:
    engine(machine_type="c3-standard-4", subnetwork="workers").check_access()
    with pytest.raises(ConfigError) as caught:
        engine(machine_type="n2-highmen-4", network="defualt", subnetwork="worker").map(job(tmp_path))
    machine, network, subnetwork = (str(problem) for problem in caught.value.problems)
    assert (
        "machine_type: the region europe-west1 has no machine type n2-highmen-4. Did you mean n2-highmem-4?" in machine
    )
    assert "network: the project proj-one has no network defualt. Name one that it has: gcloud compute" in network
    assert "subnetwork: the region europe-west1 has no subnetwork worker. Name one that it has: gcloud" in subnetwork
    with pytest.raises(ConfigError, match="Its machine types: c3-standard-4, e2-standard-2, n2-highmem-4"):
        engine(machine_type="x99-mega-128").map(job(tmp_path))
    assert dataflow.jobs == []


def test_a_bucket_of_another_project_must_let_the_workers_in(
    engine: Make, google: GoogleDouble, place: str, tmp_path: Path
) -> None:
    bucket, buckets = place.split("/")[2], google.service(Buckets)
    buckets.projects[bucket] = "99"
    with pytest.raises(ConfigError) as caught:
        engine().map(job(tmp_path))
    (problem,) = caught.value.problems
    account = "1234-compute@developer.gserviceaccount.com"
    assert problem.what == (
        f"the bucket {bucket} belongs to another project than proj-one, and the workers' service account {account} has "
        "no role on it"
    )
    assert f"--member=serviceAccount:{account} --role=roles/storage.objectAdmin" in problem.mend
    buckets.members[bucket] = [f"serviceAccount:{account}"]
    engine().check_access()


def test_regions_are_listed_where_none_is_near(engine: Make, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Regions: europe-west1, europe-west4, us-central1"):
        engine(region="mars-north1").map(job(tmp_path))


def test_missing_and_expired_credentials_are_told(
    engine: Make, google: GoogleDouble, dataflow: Dataflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    google.expired = True
    with pytest.raises(ConfigError, match="credentials are not valid any more") as caught:
        engine().map(job(tmp_path))
    assert len(caught.value.problems) == 1
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    with pytest.raises(ConfigError, match=r"no Google credentials were found.*gcloud auth application-default login"):
        engine().map(job(tmp_path))
    assert dataflow.jobs == []


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ({"staging_location": "bucket/folder"}, "write gs://bucket/folder"),
        ({"staging_location": "s3://bucket/folder"}, "write gs://bucket/folder"),
        ({"region": "europe-west1-b"}, "is a zone: name its region, europe-west1"),
        ({"region": "Europe"}, "that is no region"),
        ({"image": "Has Spaces"}, "that is no image"),
        ({"project": "My Project"}, "that is no project's id"),
        ({"num_workers": 9, "max_num_workers": 3}, "num_workers is 9, more than max_num_workers, 3"),
        ({"autoscaling_algorithm": "NONE"}, "needs num_workers"),
    ],
)
def test_a_wrong_option_is_refused_where_it_is_written(engine: Make, option: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        engine(**option)
