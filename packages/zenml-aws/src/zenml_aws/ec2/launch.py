"""What is sent for a run: its parameters, launch template and instance; pure functions of the fields and the job."""

from __future__ import annotations

import base64
import hashlib
import json
import shlex
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from zenml.errors import Problem, SpecError
from zenml.runtime.remote_job import RemoteJob
from zenml.secrets.env_file import VARIABLE
from zenml_aws.ec2.machine import has_nvidia, image_parameter
from zenml_aws.ec2.registry import EcrImage

if TYPE_CHECKING:
    from zenml_aws.ec2.backend import OrchestratorAWSBackend

Body = dict[str, Any]

RUN_TAG = "zenml-run"
"""Tag of everything that belongs to a run; its value is the run's id."""
PIPELINE_TAG = "zenml-pipeline"
"""Tag that holds the name of the pipeline as a slug."""
LIFE_TAG = "zenml-life"
"""Tag of an instance: the how manyth of its run it is; of a launch template: how many were launched by it."""
DIGEST_TAG = "zenml-digest"
"""Tag of a launch template: a digest of what it launches."""
PARAMETERS = "/zenml"
"""The path below which the secrets of runs are parameters."""

MOST_USER_DATA = 16384
"""Bytes that EC2 takes as user data."""

START_SECONDS = 900
"""How long a machine may take to start, and to get its image, beyond the time that the job may take."""

PAUSE_SECONDS = 5
"""Pause between two looks of a machine at its container."""

_SECRETS_FILE = "/run/zenml/environment.json"


def name_of(run_id: str) -> str:
    """Return the name of what is made for a run."""
    return f"zenml-{run_id}"


def parameters_path(run_id: str) -> str:
    """Return the path of the parameters with a run's secrets."""
    return f"{PARAMETERS}/{run_id}"


def tag_rows(tags: Mapping[str, str]) -> list[Body]:
    """Return tags as AWS takes them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tags_in(rows: Sequence[Body] | None) -> dict[str, str]:
    """Return tags that AWS gave, by key."""
    return {str(row["Key"]): str(row["Value"]) for row in rows or ()}


def parameter_body(backend: OrchestratorAWSBackend, job: RemoteJob, name: str, value: str) -> Body:
    """Return `PutParameter` for one secret; the value is encoded, as parameters take no empty one, and no `{{`."""
    body: Body = {
        "Name": f"{parameters_path(job.run_id)}/{name}",
        "Value": base64.b64encode(value.encode()).decode(),
        "Type": "SecureString",
        "Tier": "Intelligent-Tiering",
        "Tags": tag_rows({**backend.extra_tags, **job.labels}),
    }
    if backend.kms_key_id:
        body["KeyId"] = backend.kms_key_id
    return body


def template_body(backend: OrchestratorAWSBackend, job: RemoteJob) -> Body:
    """Return `CreateLaunchTemplate`.

    Raises:
        SpecError: the user data is too long.
    """
    tags = {**backend.extra_tags, **job.labels, "Name": name_of(job.run_id)}
    data = machine_body(backend, tags)
    data["UserData"] = base64.b64encode(user_data(backend, job).encode()).decode()
    written = json.dumps(data, sort_keys=True).encode()
    own = {**tags, DIGEST_TAG: hashlib.sha256(written).hexdigest()[:32]}
    return {
        "LaunchTemplateName": name_of(job.run_id),
        "LaunchTemplateData": data,
        "TagSpecifications": [{"ResourceType": "launch-template", "Tags": tag_rows(own)}],
    }


def machine_body(backend: OrchestratorAWSBackend, tags: Mapping[str, str]) -> Body:
    """Return the data of a launch template, but for the user data."""
    volume: Body = {
        "VolumeSize": backend.disk_size_gb,
        "VolumeType": "gp3",
        "Encrypted": True,
        "DeleteOnTermination": True,
    }
    if backend.kms_key_id:
        volume["KmsKeyId"] = backend.kms_key_id
    kinds = ["instance", "volume", "network-interface", *(["spot-instances-request"] if backend.spot else [])]
    data: Body = {
        "ImageId": backend.ami or f"resolve:ssm:{image_parameter(backend.instance_type)}",
        "InstanceType": backend.instance_type,
        "BlockDeviceMappings": [{"DeviceName": backend.root_device, "Ebs": volume}],
        "InstanceInitiatedShutdownBehavior": "terminate",
        "MetadataOptions": {  # the container is one hop further than the machine
            "HttpTokens": "required",
            "HttpEndpoint": "enabled",
            "HttpPutResponseHopLimit": 2,
        },
        "TagSpecifications": [{"ResourceType": kind, "Tags": tag_rows(tags)} for kind in kinds],
        **_network(backend),
    }
    if backend.iam_instance_profile:
        kind = "Arn" if backend.iam_instance_profile.startswith("arn:") else "Name"
        data["IamInstanceProfile"] = {kind: backend.iam_instance_profile}
    if backend.key_name:
        data["KeyName"] = backend.key_name
    if backend.spot:
        # Not a persistent one: it would launch another instance whenever one ends, also after its run.
        options: Body = {"SpotInstanceType": "one-time", "InstanceInterruptionBehavior": "terminate"}
        if backend.spot_max_price:
            options["MaxPrice"] = backend.spot_max_price
        data["InstanceMarketOptions"] = {"MarketType": "spot", "SpotOptions": options}
    return data


def _network(backend: OrchestratorAWSBackend) -> Body:
    groups = list(backend.security_group_ids)
    if backend.subnet_id is None and backend.public_ip is None:
        return {"SecurityGroupIds": groups} if groups else {}
    interface: Body = {"DeviceIndex": 0, "DeleteOnTermination": True}
    if backend.subnet_id:
        interface["SubnetId"] = backend.subnet_id
    if groups:
        interface["Groups"] = groups
    if backend.public_ip is not None:
        interface["AssociatePublicIpAddress"] = backend.public_ip
    return {"NetworkInterfaces": [interface]}


def launch_body(template: str, tags: Mapping[str, str], life: int) -> Body:
    """Return `RunInstances` for an instance of a launch template, which is launched once however often it is asked for.

    Args:
        template: the template's id.
        tags: the template's.
        life: the how manyth instance of the template it is.
    """
    own = {key: value for key, value in tags.items() if key not in (LIFE_TAG, DIGEST_TAG)}
    return {
        "LaunchTemplate": {"LaunchTemplateId": template, "Version": "1"},
        "MinCount": 1,
        "MaxCount": 1,
        "ClientToken": f"{template}-{life}",
        "TagSpecifications": [{"ResourceType": "instance", "Tags": tag_rows({**own, LIFE_TAG: str(life)})}],
    }


def user_data(backend: OrchestratorAWSBackend, job: RemoteJob) -> str:
    """Return the script that the machine runs.

    Raises:
        SpecError: it is too long.
    """
    ecr = EcrImage.parse(backend.image)
    seconds = 0 if job.deadline_seconds is None else job.deadline_seconds + backend.grace_seconds + START_SECONDS
    variables = {
        "run": job.run_id,
        "region": backend.region_name,
        "image": backend.image,
        "registry": ecr.host if ecr else "",
        "registry_region": ecr.region if ecr else "",
        "secrets_path": parameters_path(job.run_id),
        "secrets_file": _SECRETS_FILE,
        "spot": "yes" if backend.spot else "no",
        "seconds": str(seconds),
        "grace": str(backend.grace_seconds),
        "pause": str(PAUSE_SECONDS),
    }
    waits = [str(PAUSE_SECONDS * factor) for factor in (1, 2, 4, 8)]
    lists = {
        "secrets": job.secrets,
        "waits": waits,
        "options": _options(backend, job),
        "command": (backend.python, *job.arguments),
    }
    head = [
        "#!/bin/bash",
        "# Runs one ZenML pipeline in a container, and ends this machine with it.",
        "# shellcheck disable=SC1003,SC2016,SC2034 # values are meant as they are, and not all are used in each case",
        "{",
        *(f"  {name}={shlex.quote(value)}" for name, value in variables.items()),
        *(f"  {name}=({' '.join(map(shlex.quote, values))})" for name, values in lists.items()),
        "}",
    ]
    text = "\n".join(head) + "\n" + (files("zenml_aws.ec2") / "user_data.sh").read_text("utf-8")
    size = len(text.encode())
    if size > MOST_USER_DATA:
        what = f"the user data has {size} bytes, of which EC2 takes {MOST_USER_DATA}"
        raise SpecError([Problem(what, "run.backend", "Give fewer or shorter variables in environment=")])
    return text


def _options(backend: OrchestratorAWSBackend, job: RemoteJob) -> list[str]:
    """Return the options of `docker run`."""
    region = backend.region_name
    variables = {"AWS_REGION": region, "AWS_DEFAULT_REGION": region, **backend.environment, **job.environment}
    if job.secrets:
        variables[VARIABLE] = _SECRETS_FILE
    options = ["--init", "--log-driver", "local", "--ipc", "host"]
    options += [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
    return [*options, "--gpus", "all"] if has_nvidia(backend.instance_type) else options
