"""CustomJobs: a job is made once, whatever becomes of the calls."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from google_double import Fault, GoogleDouble
from google_double.others import PROJECT
from vertex_double import Vertex

from zenml_gcp.google_api import GoogleAPI
from zenml_gcp.google_trouble import RefusedError, UnreachableError
from zenml_gcp.vertex.service import CustomJobs, regions

pytestmark = pytest.mark.xdist_group("vertex")
NAME = "zenml-r0123456789012345678-0123456789abcdef"
BODY: dict[str, Any] = {
    "displayName": NAME,
    "jobSpec": {
        "workerPoolSpecs": [
            {
                "machineSpec": {"machineType": "e2-standard-4"},
                "replicaCount": "1",
                "containerSpec": {"imageUri": "team/image:1", "command": ["python", "-c", "print('done')"]},
            }
        ]
    },
}


@pytest.fixture
def pauses() -> list[float]:
    """How long was waited, each time."""
    return []


@pytest.fixture
def jobs(google: GoogleDouble, pauses: list[float]) -> CustomJobs:
    """What calls the double, and never waits."""
    return CustomJobs(GoogleAPI(google.url, pauses.append), PROJECT, "europe-west1")


def test_a_job_runs_its_command_and_ends(google: GoogleDouble, vertex: Vertex, jobs: CustomJobs) -> None:
    name = jobs.submit(BODY)["name"]
    states = []

    def ended() -> bool:
        state = jobs.get(name)["state"]
        if state not in states:
            states.append(state)
        return state == "JOB_STATE_SUCCEEDED"

    google.wait_for(ended)
    assert states[0] == "JOB_STATE_PENDING"
    assert "done" in vertex.jobs[0].output


def test_a_job_that_is_there_is_taken_for_its_own(vertex: Vertex, jobs: CustomJobs) -> None:
    vertex.holds = True
    first = jobs.submit(BODY)
    assert jobs.submit(BODY)["name"] == first["name"]
    assert len(vertex.jobs) == 1
    other = copy.deepcopy(BODY) | {"displayName": NAME.replace("abcdef", "fedcba")}
    assert jobs.submit(other)["name"] != first["name"]


def test_one_that_has_ended_is_not(vertex: Vertex, jobs: CustomJobs) -> None:
    vertex.fails = [(False, "no reason")]
    first = jobs.submit(BODY)
    assert jobs.submit(BODY)["name"] != first["name"]


def test_one_that_is_being_stopped_is_waited_for(vertex: Vertex, jobs: CustomJobs, pauses: list[float]) -> None:
    vertex.holds, vertex.stopping = True, 3
    first = jobs.submit(BODY)["name"]
    jobs.cancel(first)
    second = jobs.submit(BODY)["name"]
    assert second != first
    assert [job.state for job in vertex.jobs] == ["JOB_STATE_CANCELLED", "JOB_STATE_PENDING"]
    assert len(pauses) == 2


@pytest.mark.parametrize("how", ["429", "500", "503", "cut-before", "cut-after", "time-out"])
def test_a_call_that_fails_makes_no_second_job(
    google: GoogleDouble, vertex: Vertex, jobs: CustomJobs, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "time-out":
        monkeypatch.setattr("zenml_gcp.google_api.SECONDS", 1.0)
    google.faults += [Fault(how, method="customJobs.create"), Fault(how, at=2, method="customJobs.list")]
    vertex.holds = True
    name = jobs.submit(BODY)["name"]
    assert [job.name for job in vertex.jobs] == [name]


def test_a_call_whose_answers_are_lost_each_time_makes_no_second_job(
    google: GoogleDouble, vertex: Vertex, jobs: CustomJobs
) -> None:
    google.faults += [Fault("cut-after", method="customJobs.create", times=9)]
    vertex.holds = True
    assert jobs.submit(BODY)["name"] == vertex.jobs[0].name
    assert len(vertex.jobs) == 1


def test_a_job_that_is_listed_late_is_stopped_for_the_first_one(
    google: GoogleDouble, vertex: Vertex, jobs: CustomJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service may tell of what it made only a while later."""
    google.faults += [Fault("cut-after", method="customJobs.create")]
    vertex.holds = True
    original, looks = CustomJobs.of_name, []

    def late(self: CustomJobs, name: str) -> list[dict[str, Any]]:
        looks.append(name)
        return original(self, name) if len(looks) > 2 else []

    monkeypatch.setattr(CustomJobs, "of_name", late)
    name = jobs.submit(BODY)["name"]
    assert [(job.name == name, job.active) for job in vertex.jobs] == [(True, True), (False, False)]


def test_one_that_failed_before_its_answer_came_is_not_made_again(
    google: GoogleDouble, vertex: Vertex, jobs: CustomJobs
) -> None:
    google.faults += [Fault("cut-after", method="customJobs.create")]
    vertex.fails = [(False, "quota")]
    assert jobs.submit(BODY)["state"] == "JOB_STATE_FAILED"
    assert len(vertex.jobs) == 1


def test_a_quota_is_not_asked_for_again_and_again(google: GoogleDouble, vertex: Vertex, jobs: CustomJobs) -> None:
    vertex.refuses = "The following quota metrics exceed quota limits: custom_model_training_nvidia_t4_gpus"
    with pytest.raises(RefusedError, match="custom_model_training_nvidia_t4_gpus"):
        jobs.submit(BODY)
    assert google.methods().count("aiplatform.projects.locations.customJobs.create") == 1


def test_a_service_that_never_answers_is_told(google: GoogleDouble, vertex: Vertex, jobs: CustomJobs) -> None:
    google.faults.append(Fault("cut-before", method="customJobs.create", times=1000))
    with pytest.raises(UnreachableError, match="does not answer"):
        jobs.submit(BODY)
    assert vertex.jobs == []


def test_a_job_that_has_ended_need_not_be_stopped(vertex: Vertex, jobs: CustomJobs) -> None:
    vertex.fails = [(False, "no reason")]
    jobs.cancel(jobs.submit(BODY)["name"])
    jobs.cancel(f"projects/{PROJECT}/locations/europe-west1/customJobs/999")
    assert vertex.jobs[0].state == "JOB_STATE_FAILED"


def test_one_that_cannot_be_stopped_is_told(google: GoogleDouble, vertex: Vertex, jobs: CustomJobs) -> None:
    vertex.holds = True
    name = jobs.submit(BODY)["name"]
    google.faults.append(Fault("403", method="customJobs.cancel"))
    with pytest.raises(RefusedError, match="cannot do that now"):
        jobs.cancel(name)


def test_all_pages_are_read(google: GoogleDouble, vertex: Vertex, jobs: CustomJobs) -> None:
    vertex.holds = True
    names = [jobs.submit({**BODY, "displayName": f"{NAME[:-1]}{number}"})["name"] for number in range(5)]
    jobs.cancel(names[2])
    assert [job["name"] for job in jobs.active("zenml-r")] == [*names[:2], *names[3:]]
    assert jobs.active("zenml-x") == []
    assert regions(GoogleAPI(google.url), PROJECT) == ["europe-west1", "europe-west4", "us-central1"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"machineSpec": {"machineType": "n1-huge-4"}}, 'Machine type "n1-huge-4" is not supported'),
        ({"machineSpec": {"machineType": "e2-standard-4", "gpu": 1}}, 'Unknown name "gpu"'),
        ({"replicaCount": "2"}, "first worker pool must be 1"),
        ({"replicaCount": "many"}, "not an integer"),
        ({"containerSpec": {"imageUri": "Has Spaces"}}, "Invalid image URI"),
        ({"containerSpec": {"imageUri": "i", "env": [{"name": "A-B", "value": ""}]}}, "Invalid environment variables"),
        ({"diskSpec": {"bootDiskSizeGb": 10}}, "Invalid boot disk size"),
    ],
)
def test_the_double_refuses_what_vertex_ai_refuses(jobs: CustomJobs, change: dict[str, Any], told: str) -> None:
    body = copy.deepcopy(BODY)
    body["jobSpec"]["workerPoolSpecs"][0] |= change
    with pytest.raises(RefusedError, match=told):
        jobs.submit(body)
