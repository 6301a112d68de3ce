"""The job that Vertex AI would be sent, and the fields that it follows from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from google_double.discovery import document
from vertex_rules import check_job

from zenml.backends.interfaces import TrainingBackend
from zenml.backends.placement import Placement
from zenml.errors import ConfigError
from zenml_gcp.vertex.replica import place
from zenml_gcp.vertex.replicated import TrainingGCAIPBackend
from zenml_gcp.vertex.single_gpu import SingleGPUTrainingGCAIPBackend

Make = Callable[..., Any]
RUN = "r0123456789012345678"
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "spot": {"spot": True, "max_restarts": 0, "max_running_time": 7200},
    "named": {
        "service_account": "trainer@proj-one.iam.gserviceaccount.com",
        "network": "projects/1234/global/networks/own",
        "extra_labels": {"team": "ml"},
    },
    "other machine": {"machine_type": "g2-standard-4", "accelerator_type": "L4", "disk_type": "pd-ssd"},
    "several": {"kind": TrainingGCAIPBackend, "replica_count": 3, "machine_type": "e2-standard-4"},
    "several with several": {
        "kind": TrainingGCAIPBackend,
        "replica_count": 2,
        "accelerator_type": "nvidia-l4",
        "accelerator_count": 2,
        "machine_type": "g2-standard-24",
    },
}


@pytest.fixture
def make() -> Make:
    """Return what makes a backend that is never used."""

    def make(kind: type[Any] = SingleGPUTrainingGCAIPBackend, **options: Any) -> Any:
        return kind(**{"project": "proj-one", "job_dir": "gs://bucket/training/", **options})

    return make


def body_of(backend: Any) -> Any:
    ((kind, name, body),) = [(row.kind, row.name, row.body) for row in backend.render(RUN, {"zenml-pipeline": "tried"})]
    assert (kind, name) == ("CustomJob", f"zenml-{RUN}-{'0' * 16}")
    return body


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_a_job_is_as_google_s_document_says(make: Make, options: dict[str, Any]) -> None:
    backend = make(**options)
    body = body_of(backend)
    api = document("aiplatform.v1")
    create = api.methods["aiplatform.projects.locations.customJobs.create"]
    assert create.request is not None
    assert api.schemas.of_request(create.request, body, create.id, create.verb) == []
    check_job(body, backend.region)
    assert list(backend.check()) == []


def test_one_machine_has_one_accelerator(make: Make) -> None:
    assert body_of(make(extra_labels={"team": "ml"})) == {
        "displayName": f"zenml-{RUN}-{'0' * 16}",
        "labels": {"team": "ml", "zenml-pipeline": "tried", "zenml-run": RUN, "zenml-job": "0" * 16},
        "jobSpec": {
            "workerPoolSpecs": [
                {
                    "machineSpec": {
                        "machineType": "n1-standard-4",
                        "acceleratorType": "NVIDIA_TESLA_T4",
                        "acceleratorCount": 1,
                    },
                    "diskSpec": {"bootDiskSizeGb": 100},
                    "replicaCount": "1",
                    "containerSpec": {
                        "imageUri": "zenml/zenml:0.4.0-cuda",
                        "command": [
                            *("python", "-m", "zenml.entrypoint", "train"),
                            *("--job", f"gs://bucket/training/shards/{RUN}/{'0' * 16}"),
                        ],
                        "env": [],
                    },
                }
            ],
            "scheduling": {"timeout": "604800s", "strategy": "STANDARD"},
        },
    }


def test_several_machines_are_a_first_one_and_the_others(make: Make) -> None:
    backend = make(**OPTIONS["several with several"])
    spec = body_of(backend)["jobSpec"]
    first, others = spec["workerPoolSpecs"]
    assert (first["replicaCount"], others["replicaCount"]) == ("1", "1")
    assert others["machineSpec"]["acceleratorCount"] == 2
    assert others["containerSpec"]["command"][:3] == ["python", "-m", "zenml_gcp.vertex.replica"]
    assert spec["scheduling"]["restartJobOnWorkerRestart"] is True
    assert (backend.machines(), backend.processes()) == (2, 2)
    plain = make(TrainingGCAIPBackend, replica_count=5)
    assert [pool["replicaCount"] for pool in body_of(plain)["jobSpec"]["workerPoolSpecs"]] == ["1", "4"]
    assert "acceleratorType" not in body_of(plain)["jobSpec"]["workerPoolSpecs"][0]["machineSpec"]
    assert (plain.machines(), plain.processes()) == (5, 1)


def test_a_spot_job_is_asked_for(make: Make) -> None:
    scheduling = body_of(make(**OPTIONS["spot"]))["jobSpec"]["scheduling"]
    assert scheduling == {"timeout": "7200s", "strategy": "SPOT", "disableRetries": True}


def test_what_changes_a_result_is_in_the_fingerprint(make: Make) -> None:
    single, several = SingleGPUTrainingGCAIPBackend, TrainingGCAIPBackend
    assert set(single.FINGERPRINTED) == {"accelerator_type", "device", "precision"}
    assert set(several.FINGERPRINTED) == {*single.FINGERPRINTED, "accelerator_count", "replica_count"}
    assert (single.FRAMEWORKS, several.FRAMEWORKS) == ((), ("torch",))
    assert make(precision="bfloat16").placement() == Placement("auto", "bfloat16")
    assert make(several).placement() == Placement("cpu")


def test_the_name_of_an_earlier_version_is_understood(make: Make) -> None:
    backend = make(gpu_type="T4")
    assert backend.accelerator_type == "NVIDIA_TESLA_T4"
    assert TrainingBackend.from_config(backend.to_config()) == backend
    with pytest.raises(ConfigError, match=r"accelerator_type: Google has retired the K80\. There are: NVIDIA_TESLA_T4"):
        make(gpu_type="K80")


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ({"job_dir": "bucket/folder"}, "write gs://bucket/folder"),
        ({"job_dir": "s3://bucket/folder"}, "write gs://bucket/folder"),
        ({"region": "europe-west1-b"}, "is a zone: name its region, europe-west1"),
        ({"project": "My Project"}, "that is no project's id"),
        ({"accelerator_type": "NVIDIA_L5"}, "no accelerator NVIDIA_L5. Did you mean NVIDIA_L4"),
        ({"accelerator_type": None}, "accelerator_type"),
        ({"network": "own"}, "projects/1234/global/networks/NAME"),
        ({"service_account": "me"}, "write the service account's address"),
        ({"max_running_time": 0}, "max_running_time"),
        ({"disk_size_gb": 10}, "disk_size_gb"),
        ({"max_running_tim": 9}, "Did you mean max_running_time"),
        ({"extra_labels": {"A": "b"}}, "a label's key"),
    ],
)
def test_a_wrong_option_is_refused_where_it_is_written(make: Make, option: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        make(**option)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"machine_type": "e2-standard-4"}, "e2-standard-4 takes no NVIDIA_TESLA_T4"),
        ({"machine_type": "n1-standard-96"}, "n1-standard-96 takes 4 of NVIDIA_TESLA_T4, not 1"),
        ({"device": "mps"}, "Vertex AI has no mps devices"),
        ({"device": "cpu", "precision": "float16"}, "float16 needs an accelerator"),
        ({"kind": TrainingGCAIPBackend, "precision": "float16"}, "float16 needs an accelerator"),
        ({"kind": TrainingGCAIPBackend, "machine_type": "g2-standard-4"}, "has accelerators built in"),
    ],
)
def test_what_does_not_go_together_is_found_before_anything_is_made(
    make: Make, options: dict[str, Any], told: str
) -> None:
    (problem,) = make(**options).check()
    assert told in str(problem)


@pytest.mark.parametrize(
    ("pool", "index", "number"), [("workerpool0", 0, 0), ("workerpool1", 0, 1), ("workerpool1", 2, 3)]
)
def test_a_machine_knows_its_number_and_the_first_one(pool: str, index: int, number: int) -> None:
    spec = {
        "cluster": {"workerpool1": ["b:2222", "c:2222", "d:2222"], "workerpool0": ["a-0:2222"]},
        "environment": "cloud",
        "task": {"type": pool, "index": index},
        "job": "{}",
    }
    assert place(spec) == (number, "a-0:2222")
