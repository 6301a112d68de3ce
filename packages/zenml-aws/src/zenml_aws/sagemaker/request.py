"""What a training job is asked for with; pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zenml_aws.emr.place import prefix_of

if TYPE_CHECKING:
    from zenml_aws.sagemaker.backend import TrainingSagemakerBackend

CHECKPOINTS = "/opt/ml/checkpoints"
"""Where SageMaker looks for checkpoints that it is to keep. The trainer keeps its own in the staging location; but
without such a place SageMaker takes a spot job for one that begins anew, and lets it wait for an hour only."""


def name_of(run_id: str, job_id: str, life: int = 1) -> str:
    """Return the name of a training job, which SageMaker gives to one job only, for all time.

    Args:
        run_id: the run.
        job_id: the job in the run.
        life: which time the job is begun, from 1.
    """
    return f"{prefix_of(run_id)}{job_id}" + (f"-{life}" if life > 1 else "")


def request(
    backend: TrainingSagemakerBackend,
    name: str,
    arguments: Sequence[str],
    folder: str,
    environment: Mapping[str, str],
    tags: Mapping[str, str],
) -> dict[str, Any]:
    """Return the parameters of CreateTrainingJob.

    Args:
        backend: the fields.
        name: of the job.
        arguments: what follows the interpreter on the container's command line.
        folder: URI of the run's folder in the staging location.
        environment: variables of the container; no secret is in them.
        tags: of the job.
    """
    several = backend.machines() > 1
    stop = {"MaxRuntimeInSeconds": backend.deadline_seconds}
    resources: dict[str, Any] = {
        "InstanceType": backend.instance_type,
        "InstanceCount": backend.machines(),
        "VolumeSizeInGB": backend.volume_size_gb,
    }
    output = {"S3OutputPath": f"{folder}/sagemaker/output"}
    if backend.kms_key_id:
        resources["VolumeKmsKeyId"] = output["KmsKeyId"] = backend.kms_key_id
    asked: dict[str, Any] = {
        "TrainingJobName": name,
        "RoleArn": backend.role,
        "AlgorithmSpecification": {
            "TrainingImage": backend.image,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": [backend.python],
            "ContainerArguments": list(arguments),
        },
        "Environment": {**backend.environment, "PYTHONUNBUFFERED": "1", **environment},
        "OutputDataConfig": output,
        "ResourceConfig": resources,
        "StoppingCondition": stop,
        "Tags": [{"Key": key, "Value": value} for key, value in {**backend.extra_tags, **tags}.items()],
    }
    if several:
        asked["EnableInterContainerTrafficEncryption"] = True
    if backend.subnet_ids:
        asked["VpcConfig"] = {
            "Subnets": list(backend.subnet_ids),
            "SecurityGroupIds": list(backend.security_group_ids),
        }
    if backend.spot:
        asked["EnableManagedSpotTraining"] = True
        stop["MaxWaitTimeInSeconds"] = backend.deadline_seconds + backend.spot_wait_seconds
        asked["CheckpointConfig"] = {"S3Uri": f"{folder}/sagemaker/checkpoints", "LocalPath": CHECKPOINTS}
    if backend.max_restarts:
        asked["RetryStrategy"] = {"MaximumRetryAttempts": backend.max_restarts}
    return asked
