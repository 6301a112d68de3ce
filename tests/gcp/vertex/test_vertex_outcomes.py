"""What becomes of jobs: calls that fail, jobs that fail, that are stopped, that take too long, and what is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google_double import Fault, GoogleDouble
from vertex_double import Vertex
from vertex_world import staged

from zenml.data.shards import ShardJob, fold_order
from zenml.errors import ConfigError, ZenMLError
from zenml_gcp.vertex import watch
from zenml_gcp.vertex.replicated import TrainingGCAIPBackend
from zenml_gcp.vertex.words import is_quota

pytestmark = pytest.mark.xdist_group("vertex")
Make = Callable[..., Any]
LINK = "See https://console.cloud.google.com/ai/platform/locations/europe-west1/training/4000"


def job(folder: Path, op: str = "Arrays", **shard: Any) -> ShardJob:
    return ShardJob(
        f"zenml.testing.shard_ops:{op}", ({"number": 0, **shard},), str(folder / "out"), {"scale": 1.0}, "it"
    )


def test_calls_that_fail_are_made_again_and_no_second_job(
    make: Make,
    google: GoogleDouble,
    vertex: Vertex,
    tmp_path: Path,
    storage: str,
    job_dir: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("zenml_gcp.google_api.SECONDS", 3.0)
    google.faults += [
        Fault(how, at=at, method=f"customJobs.{verb}")
        for verb in ("create", "get", "list")
        for at, how in enumerate(("time-out", "429", "500", "cut-before", "cut-after"), 1)
        if (verb, how) != ("create", "429")
    ]
    made = job(tmp_path)
    (state,) = fold_order(made, make().carry_out(made))
    assert state["number"] == 0
    assert len(vertex.jobs) == 1
    assert staged(storage, job_dir) == []


def test_a_training_outlives_that_the_service_does_not_answer_for_a_while(
    make: Make, google: GoogleDouble, vertex: Vertex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    google.faults.append(Fault("503", method="customJobs.get", at=2, times=14))
    made = job(tmp_path)
    assert fold_order(made, make().carry_out(made))[0]["number"] == 0
    monkeypatch.setattr(watch, "PATIENCE", 0.0)
    vertex.holds = True
    google.faults.append(Fault("503", method="customJobs.get", at=2, times=1000))
    with pytest.raises(ZenMLError, match="the service cannot do that now"):
        make(disk_size_gb=101).carry_out(job(tmp_path))
    assert not [each for each in vertex.jobs if each.active]


def test_what_an_operation_raises_reaches_the_caller(make: Make, vertex: Vertex, tmp_path: Path) -> None:
    with pytest.raises(ZenMLError, match=r"a.csv, row 3: a bad cell. Mend it"):
        make().carry_out(job(tmp_path, "Raise", **{"raise": "data"}))
    assert not [each for each in vertex.jobs if each.active]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("The following quota metrics exceed quota limits: nvidia_t4_gpus", "a quota is used up: .*Choose another acc"),
        ("Resources are insufficient in region: europe-west1.", "no such machines left just now: .*another region"),
        ("Failed to pull image eu.gcr.io/p/i:1: ErrImagePull", "cannot pull its image: .*Artifact Registry Reader"),
        ("The replica workerpool0-0 ran out-of-memory and exited with 137(SIGKILL).", "out of memory: .*batch_size"),
        ("exited with 1. /usr/bin/python: No module named zenml", "the image lacks what the training needs: "),
        ("x@y.com does not have storage.objects.get access", "a permission is missing: .*Storage Object Admin"),
        ("Service account a@b.com does not exist.", "cannot work by its service account: .*Check service_account"),
        ("Internal error occurred for the current attempt.", "had an error of its own: .*from its last checkpoint"),
        ("The job exceeded the maximum running time", "took longer than 604800 s, and was stopped.*max_running_time"),
        ("Causes: a mystery.", "the Vertex AI job failed: Causes: a mystery"),
    ],
)
def test_a_job_that_fails_tells_why_in_words(
    make: Make, vertex: Vertex, tmp_path: Path, said: str, told: str, storage: str, job_dir: str
) -> None:
    vertex.fails = [(True, said)]
    with pytest.raises(ZenMLError, match=f"^it: .*{told}.*{LINK}"):
        make().carry_out(job(tmp_path))
    assert len(vertex.jobs) == 1
    assert staged(storage, job_dir) == []


@pytest.mark.parametrize(
    ("options", "fails", "jobs", "told"),
    [
        ({"spot": True, "max_restarts": 2}, [(True, "The Spot VM was preempted")] * 3, 3, "its machine was taken away"),
        ({"spot": True, "max_restarts": 0}, [(True, "The Spot VM was preempted")], 1, "Raise max_restarts"),
        ({"spot": True}, [(False, "Resources are insufficient in region: x")], 1, "no such machines left just now"),
        ({"spot": False}, [(True, "The VM was preempted")], 1, "its machine was taken away"),
    ],
)
def test_a_spot_job_is_given_up_after_so_many_machines(
    make: Make, vertex: Vertex, tmp_path: Path, options: dict[str, Any], fails: Any, jobs: int, told: str
) -> None:
    vertex.fails = [*fails]
    with pytest.raises(ZenMLError, match=told):
        make(**options).carry_out(job(tmp_path))
    assert len(vertex.jobs) == jobs


def test_a_quota_that_is_used_up_is_told_with_its_mend(
    make: Make, vertex: Vertex, tmp_path: Path, storage: str, job_dir: str
) -> None:
    vertex.refuses = "The following quota metrics exceed quota limits: custom_model_training_nvidia_t4_gpus"
    with pytest.raises(ConfigError, match=r"accelerator_type: a quota is used up: .*_t4_gpus.*have the quota raised"):
        make().carry_out(job(tmp_path))
    assert (vertex.jobs, staged(storage, job_dir)) == ([], [])


def test_that_there_were_too_many_calls_in_a_minute_is_no_such_quota() -> None:
    assert not is_quota("Quota exceeded for quota metric 'Management requests' and limit 'Requests per minute'")


def test_each_of_several_machines_knows_its_part(make: Make, vertex: Vertex, tmp_path: Path) -> None:
    shards = ({"number": 3}, {"number": 5})
    made = ShardJob("zenml.testing.shard_ops:Arrays", shards, str(tmp_path / "out"), {"scale": 1.0}, "it")
    several = make(TrainingGCAIPBackend, replica_count=2, machine_type="e2-standard-4")
    assert [state["number"] for state in fold_order(made, several.carry_out(made))] == [3, 5]
    (done,) = vertex.jobs
    assert [replica.name for replica in done.replicas] == ["workerpool0-0", "workerpool1-0"]
    assert done.state == "JOB_STATE_SUCCEEDED"


def test_a_machine_that_the_service_refuses_is_told_with_those_that_there_are(
    make: Make, vertex: Vertex, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        make(machine_type="n1-standard-8").carry_out(job(tmp_path))
    (problem,) = map(str, caught.value.problems)
    assert problem.startswith("SingleGPUTrainingGCAIPBackend.machine_type: Vertex AI refuses the machine: ")
    assert 'Machine type "n1-standard-8" is not supported' in problem
    assert "Machine types with NVIDIA_TESLA_T4: n1-standard-4, n1-standard-8, n1-standard-16" in problem
    assert vertex.jobs == []


def test_machines_that_do_not_go_together_are_refused_before_anything_is_asked(
    make: Make, google: GoogleDouble, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="e2-standard-4 takes no NVIDIA_TESLA_T4"):
        make(machine_type="e2-standard-4").carry_out(job(tmp_path))
    assert google.calls == []


def test_a_job_that_took_too_long_is_told(make: Make, vertex: Vertex, tmp_path: Path) -> None:
    vertex.holds = True
    vertex.meanwhile = lambda found: found.time_out(7200)
    with pytest.raises(ZenMLError, match=r"took longer than 7200 s, and was stopped\. Raise max_running_time"):
        make(max_running_time=7200).carry_out(job(tmp_path))


def test_a_job_that_somebody_stops_is_told(make: Make, vertex: Vertex, tmp_path: Path) -> None:
    vertex.holds = True
    vertex.meanwhile = lambda found: found.end("JOB_STATE_CANCELLED", "CANCELED")
    with pytest.raises(ZenMLError, match="stopped by somebody else"):
        make().carry_out(job(tmp_path))


def test_an_image_that_runs_something_else_is_told(make: Make, vertex: Vertex, tmp_path: Path) -> None:
    vertex.holds = True
    vertex.meanwhile = lambda found: found.end("JOB_STATE_SUCCEEDED")
    with pytest.raises(ZenMLError, match=r"the job ended, and left no answer\. Check what image runs"):
        make().carry_out(job(tmp_path))


def test_ctrl_c_stops_the_job(make: Make, vertex: Vertex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    vertex.holds = True
    monkeypatch.setattr("zenml_gcp.vertex.watch.time.sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        make().carry_out(job(tmp_path))
    assert [each.state for each in vertex.jobs] == ["JOB_STATE_CANCELLED"]


def test_a_job_that_is_done_and_does_not_end_is_stopped(
    make: Make, vertex: Vertex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "_LAST_LOOKS", 2)
    original = vertex._follow
    monkeypatch.setattr(vertex, "_follow", lambda found: None if found.replicas[0].code == 0 else original(found))
    made = job(tmp_path)
    make().carry_out(made)
    assert [each.state for each in vertex.jobs] == ["JOB_STATE_CANCELLED"]
