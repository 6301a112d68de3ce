"""Which fields go together, and what becomes of them; nothing is sent anywhere."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import pytest
from aws_double import models
from quickstart_for_tests import quickstart

from zenml.errors import ConfigError
from zenml.runtime.planning import Plan
from zenml.steps.split import RandomSplit
from zenml_aws.emr.backend import ProcessingEMRBackend
from zenml_aws.emr.place import Submission
from zenml_aws.emr.serverless import Serverless
from zenml_aws.emr.spark import settings_of

ROLE = "arn:aws:iam::123456789012:role/service/zenml-emr"
IMAGE = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/zenml-emr:0.4"
ENVIRONMENT = "s3://bucket/environment.tar.gz"


def backend(**fields: Any) -> ProcessingEMRBackend:
    return ProcessingEMRBackend(**{"staging_location": "s3://bucket/zenml", "region": "eu-central-1", **fields})


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"cluster_id": "j-1", "application_id": "00f1"}, "application_id and cluster_id exclude each other"),
        (
            {"cluster_id": "j-1", "release_label": "emr-7.9.0"},
            "release_label: these are for an application that is made",
        ),
        ({"application_id": "00f1", "image": IMAGE, "execution_role_arn": ROLE}, "image: these are for an application"),
        ({"application_id": "00f1"}, "EMR Serverless needs execution_role_arn"),
        ({"execution_role_arn": ROLE}, "EMR has no ZenML: give environment"),
        (
            {"execution_role_arn": ROLE, "environment": ENVIRONMENT, "image": IMAGE},
            "neither image nor python goes with it",
        ),
        (
            {"cluster_id": "j-1", "environment": ENVIRONMENT, "python": "python3"},
            "neither image nor python goes with it",
        ),
        ({"cluster_id": "j-1", "extra_tags": {"team": "ml"}}, "steps of a cluster carry no tags"),
        (
            {"execution_role_arn": ROLE, "image": IMAGE, "security_group_ids": ["sg-1"]},
            "security_group_ids goes with subnet_ids",
        ),
    ],
)
def test_fields_that_do_not_go_together_are_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        backend(**fields)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("staging_location", "gs://bucket/folder", "write s3://bucket/folder"),
        ("region", "Frankfurt", "write one like eu-central-1"),
        ("application_id", "My-App", "no id of an application"),
        ("cluster_id", "cluster", "write one like j-"),
        ("execution_role_arn", "zenml-emr", "write arn:aws:iam::123456789012:role/NAME"),
        ("release_label", "7.9.0", "write emr-spark-8.0.0"),
        ("image", "zenml/zenml:0.4", "EMR takes images of ECR"),
        ("environment", "environment.tar.gz", "write s3://bucket/environment.tar.gz"),
        ("executor_memory", "4 GB", "write 4g or 512m"),
        ("subnet_ids", ["eu-central-1a"], "no id of a subnet"),
        ("security_group_ids", ["default"], "no id of a security group"),
        ("extra_tags", {"aws:x": "y"}, "a key has at most 128"),
        ("extra_tags", {"x": "y!"}, "a value has at most 256"),
        ("python", "python 3", "no path of an interpreter"),
        ("deadline_seconds", 5, "60"),
    ],
)
def test_what_emr_would_refuse_is_refused_where_it_is_written(field: str, value: object, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        backend(**{"cluster_id": "j-1", field: value})


def test_settings_and_releases_are_checked_before_anything_is_sent() -> None:
    conf: dict[str, Any] = {"spark.executor.memory": "4g", "executor.cores": 2, "spark.task.maxFailures": 8}
    given = backend(execution_role_arn=ROLE, environment=ENVIRONMENT, release_label="emr-6.9.0", conf=conf)
    assert [str(problem).removeprefix("ProcessingEMRBackend.") for problem in given.check()] == [
        "conf: spark.executor.memory is given by executor_memory=",
        "conf: 'executor.cores' does not read spark.…, as all settings of Spark do",
        "release_label: the release emr-6.9.0 is too old for Python 3.11: emr-7.0.0 and later ones will do",
    ]
    many = backend(cluster_id="j-1", conf={f"spark.x{number}": 1 for number in range(101)})
    assert ["101 settings are given, and EMR takes 100" in str(problem) for problem in many.check()] == [True]


def test_fields_become_settings_of_spark() -> None:
    sizes = {"executors": 8, "executor_cores": 4, "executor_memory": "14g", "driver_cores": 2, "driver_memory": "6g"}
    serverless = settings_of(backend(execution_role_arn=ROLE, environment=ENVIRONMENT, **sizes))
    assert serverless["spark.archives"] == f"{ENVIRONMENT}#environment"
    assert serverless["spark.emr-serverless.driverEnv.PYSPARK_PYTHON"] == "./environment/bin/python"
    assert serverless["spark.executorEnv.PYSPARK_PYTHON"] == "./environment/bin/python"
    assert serverless["spark.dynamicAllocation.maxExecutors"] == "8"
    assert (serverless["spark.executor.cores"], serverless["spark.executor.memory"]) == ("4", "14g")
    assert (serverless["spark.driver.cores"], serverless["spark.driver.memory"]) == ("2", "6g")
    cluster = settings_of(backend(cluster_id="j-1", python="/usr/bin/python3.11"))
    assert cluster["spark.yarn.appMasterEnv.PYSPARK_PYTHON"] == "/usr/bin/python3.11"
    assert "spark.archives" not in cluster


def test_what_is_made_is_what_the_service_s_model_takes() -> None:
    given = backend(
        execution_role_arn=ROLE,
        image=IMAGE,
        subnet_ids=["subnet-0a1b"],
        security_group_ids=["sg-0a1b"],
        deadline_seconds=3600,
        conf={"spark.executor.extraJavaOptions": "-XX:+UseG1GC -Dx=1", "spark.speculation": True},
    )
    place = Serverless(given)
    made = place.application("r0123456789012345678", {"zenml-run": "r0123456789012345678"})
    assert made["imageConfiguration"] == {"imageUri": IMAGE}
    assert made["networkConfiguration"] == {"subnetIds": ["subnet-0a1b"], "securityGroupIds": ["sg-0a1b"]}
    assert models.problems("emr-serverless", "CreateApplication", {**made, "clientToken": "x"}) == []
    conf = {"spark.executor.extraJavaOptions": "-XX:+UseG1GC -Dx=1", "spark.speculation": "true"}
    settings = settings_of(given)
    submission = Submission("r1", "zenml-r1-1", "s3://b/m.py", ("s3://b/j", "3", "0"), {}, "s3://b/l", settings, conf)
    request = place.request("00f1", submission)
    assert models.problems("emr-serverless", "StartJobRun", {**request, "clientToken": "x"}) == []
    (block,) = request["configurationOverrides"]["applicationConfiguration"]
    assert block == {"classification": "spark-defaults", "properties": conf}


@pytest.mark.parametrize("place", ["made", "application", "cluster"])
def test_a_plan_shows_what_the_services_models_take(place: str, project: Path, diabetes: Path) -> None:
    fields: dict[str, dict[str, Any]] = {
        "made": {"execution_role_arn": ROLE, "environment": ENVIRONMENT},
        "application": {"execution_role_arn": ROLE, "application_id": "00f1", "python": "/usr/bin/python3.11"},
        "cluster": {"cluster_id": "j-1", "environment": ENVIRONMENT},
    }
    split = RandomSplit(split_map={"train": 0.7, "eval": 0.3}).with_backend(backend(**fields[place]))
    plan = quickstart(str(diabetes), "Planned", split=split).plan()
    calls = {resource.kind: dict(resource.body) for resource in plan.resources}
    expected = {"made": ["CreateApplication", "StartJobRun"], "application": ["StartJobRun"]}
    assert [*calls] == expected.get(place, ["AddJobFlowSteps"])
    for operation, body in calls.items():
        service = "emr" if operation == "AddJobFlowSteps" else "emr-serverless"
        token = {} if service == "emr" else {"clientToken": "x"}
        assert models.problems(service, operation, {**body, **token}) == []
    assert "Would be made" in printed(plan)


def printed(plan: Plan) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        plan.print()
    return out.getvalue()


def test_a_spec_names_the_engine() -> None:
    given = backend(cluster_id="j-1", conf={"spark.speculation": True})
    assert given.to_config() == {
        "type": "ProcessingEMRBackend",
        "config": {
            "staging_location": "s3://bucket/zenml",
            "region": "eu-central-1",
            "cluster_id": "j-1",
            "conf": {"spark.speculation": True},
        },
    }
