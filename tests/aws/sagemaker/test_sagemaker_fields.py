"""Which fields go together, and what becomes of them; nothing is sent anywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from aws_double import models
from sagemaker_double import ROLE

from zenml.backends.interfaces import TrainingBackend
from zenml.backends.placement import Placement
from zenml.errors import ConfigError
from zenml_aws.sagemaker.backend import TrainingSagemakerBackend
from zenml_aws.sagemaker.distributed import DistributedTrainingSagemakerBackend
from zenml_aws.sagemaker.host import Cluster, cluster
from zenml_aws.sagemaker.instances import gpus_of

IMAGE = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/zenml-training:0.4"
RUN = "r0123456789012345678"
GIVEN = {"role": ROLE, "job_dir": "s3://bucket/zenml", "image": IMAGE, "region": "eu-central-1"}


def backend(**fields: Any) -> TrainingSagemakerBackend:
    return TrainingSagemakerBackend(**{**GIVEN, **fields})


def distributed(**fields: Any) -> DistributedTrainingSagemakerBackend:
    return DistributedTrainingSagemakerBackend(**{**GIVEN, **fields})


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("role", "zenml-sagemaker", "write arn:aws:iam::123456789012:role/NAME"),
        ("job_dir", "gs://bucket/folder", "write s3://bucket/folder"),
        ("image", "zenml/zenml:0.4", "SageMaker takes images of ECR"),
        ("region", "Frankfurt", "write one like eu-central-1"),
        ("instance_type", "m5.xlarge", "write ml.m5.xlarge"),
        ("deadline_seconds", 2_419_201, "2419200"),
        ("max_restarts", 31, "30"),
        ("environment", {"A": "x" * 513}, "512"),
        ("environment", {"a-b": "x"}, "that cannot be the name of a variable"),
        ("kms_key_id", "my key", "pattern"),
        ("extra_tags", {"aws:x": "y"}, "a key has at most 128"),
        ("spot_wait_seconds", 60, "spot_wait_seconds goes with spot"),
        ("subnet_ids", ["subnet-0a1b2c3d"], "subnet_ids and security_group_ids go together"),
    ],
)
def test_what_sagemaker_would_refuse_is_refused_where_it_is_written(field: str, value: object, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        backend(**{field: value})


def test_what_is_wrong_beyond_single_fields_is_found_without_a_call() -> None:
    told = [str(problem) for problem in backend(device="mps", job_dir=f"s3://bucket/{'x' * 250}").check()]
    assert [text.split(":")[0] for text in told] == [
        "TrainingSagemakerBackend.device",
        "TrainingSagemakerBackend.job_dir",
    ]


@pytest.mark.parametrize(
    "made",
    [
        backend(),
        backend(spot=True, spot_wait_seconds=0, max_restarts=0, kms_key_id="alias/zenml"),
        backend(subnet_ids=["subnet-0a1b2c3d"], security_group_ids=["sg-0a1b2c3d"], extra_tags={"team": "ml"}),
        distributed(instance_count=3, instance_type="ml.g5.12xlarge", environment={"NCCL_DEBUG": "INFO"}, spot=True),
    ],
    ids=["plain", "spot", "network", "distributed"],
)
def test_a_plan_shows_what_is_sent_and_the_model_of_the_service_holds_nothing_against_it(
    made: TrainingSagemakerBackend,
) -> None:
    (resource,) = made.render(RUN, {"zenml-run": RUN, "zenml-pipeline": "quickstart"})
    assert models.problems("sagemaker", "CreateTrainingJob", resource.body) == []
    assert resource.kind == "CreateTrainingJob"
    assert resource.name == resource.body["TrainingJobName"] == f"zenml-{RUN}-{'0' * 16}"
    tags = {row["Key"]: row["Value"] for row in resource.body["Tags"]}
    assert tags == {"zenml-run": RUN, "zenml-pipeline": "quickstart", **made.extra_tags}
    json.dumps(resource.body)


def test_a_spot_job_waits_and_has_a_place_for_checkpoints() -> None:
    (resource,) = backend(spot=True, deadline_seconds=3600, spot_wait_seconds=7200).render(RUN, {})
    assert resource.body["EnableManagedSpotTraining"] is True
    assert resource.body["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 10_800}
    assert resource.body["CheckpointConfig"]["S3Uri"] == f"s3://bucket/zenml/shards/{RUN}/sagemaker/checkpoints"
    (resource,) = backend(max_restarts=0).render(RUN, {})
    assert not {"EnableManagedSpotTraining", "CheckpointConfig", "RetryStrategy"} & {*resource.body}


def test_several_instances_meet_by_a_module_of_their_own_and_speak_in_cipher() -> None:
    made = distributed(instance_count=2)
    (resource,) = made.render(RUN, {})
    assert resource.body["AlgorithmSpecification"]["ContainerArguments"][:2] == ["-m", "zenml_aws.sagemaker.host"]
    assert resource.body["EnableInterContainerTrafficEncryption"] is True
    assert resource.body["ResourceConfig"]["InstanceCount"] == made.machines() == 2
    (alone,) = distributed(instance_count=1).render(RUN, {})
    assert alone.body["AlgorithmSpecification"]["ContainerArguments"][:3] == ["-m", "zenml.entrypoint", "train"]


def test_processes_follow_from_the_gpus_of_the_type() -> None:
    assert backend(instance_type="ml.g5.12xlarge").processes() == 1
    assert distributed(instance_type="ml.g5.12xlarge").processes() == 4
    assert distributed(instance_type="ml.g5.12xlarge", nproc_per_node=2).processes() == 2
    assert distributed(instance_type="ml.m5.xlarge").processes() == 1
    assert (gpus_of("ml.p4d.24xlarge"), gpus_of("ml.m5.xlarge"), gpus_of("ml.p99.new")) == (8, 0, 0)


def test_all_types_with_gpus_that_are_known_are_types_of_the_service() -> None:
    from zenml_aws.sagemaker.instances import _GPUS

    known = models.service_model("sagemaker").shape_for("TrainingInstanceType").enum  # type: ignore[attr-defined]
    families = {name.split(".")[1] for name in known}
    assert set(_GPUS) <= families
    assert {name for name in known if name.split(".")[1] in _GPUS} <= {name for name in known if gpus_of(name) > 0}


def test_a_config_gives_an_equal_backend() -> None:
    for made in (backend(spot=True), distributed(nproc_per_node=2)):
        assert TrainingBackend.from_config(made.to_config()) == made


def test_it_says_on_what_to_train() -> None:
    assert backend(precision="bfloat16").placement() == Placement(device="auto", precision="bfloat16")
    assert backend().FRAMEWORKS == ()
    assert distributed().FRAMEWORKS == ("torch",)


def test_an_instance_learns_who_is_in_its_job_from_the_file_of_the_service(tmp_path: Path) -> None:
    (tmp_path / "input/config").mkdir(parents=True)
    told = {"current_host": "algo-2", "hosts": ["algo-2", "algo-1"], "network_interface_name": "eth0"}
    (tmp_path / "input/config/resourceconfig.json").write_text(json.dumps(told))
    found = cluster({"SAGEMAKER_BASE_DIR": str(tmp_path)})
    assert found == Cluster(("algo-1", "algo-2"), "algo-2", "eth0")
    assert found.number == 1


def test_an_instance_learns_who_is_in_its_job_from_the_variables_of_the_toolkit(tmp_path: Path) -> None:
    told = {"SM_HOSTS": '["algo-1", "algo-2"]', "SM_CURRENT_HOST": "algo-1", "SAGEMAKER_BASE_DIR": str(tmp_path)}
    found = cluster(told)
    assert (found.number, found.interface) == (0, "")
    with pytest.raises(ConfigError, match="this is no container of SageMaker"):
        cluster({"SAGEMAKER_BASE_DIR": str(tmp_path)})
