"""What would keep a run from starting is told at once, before anything is made."""

from __future__ import annotations

from typing import Any

import pytest
from aws_double import AwsDouble, Fault
from ec2_jobs import REGION, Make

from zenml.artifacts.store import ArtifactStore
from zenml.errors import ConfigError, ZenMLError
from zenml_aws.ec2.backend import OrchestratorAWSBackend
from zenml_aws.ec2.bucket import bucket_problems
from zenml_aws.session import connect


def told(backend: OrchestratorAWSBackend) -> str:
    with pytest.raises(ZenMLError) as error:
        backend.check_access()
    return str(error.value)


def test_all_is_well_and_nothing_is_made(aws: AwsDouble, backend: Make) -> None:
    backend().check_access()
    backend(spot=True, instance_type="m7g.large", disk_size_gb=100).check_access()
    backend(instance_type="g5.xlarge").check_access()
    assert aws.left(REGION) == []
    assert aws.machines == []


def test_everything_that_is_wrong_is_told_at_once(aws: AwsDouble, backend: Make) -> None:
    text = told(
        backend(
            instance_type="m7i.larg",
            subnet_id="subnet-0123456789abcdef0",
            security_group_ids=["sg-0123456789abcdef0"],
            key_name="mine",
            ami="ami-0123456789abcdef0",
            iam_instance_profile="absent",
            image="123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/none:1",
        )
    )
    assert text.startswith("7 problems:")
    for part in (
        "there is no instance type m7i.larg in eu-central-1. Near it: m7i.large",
        "there is no subnet subnet-0123456789abcdef0 in eu-central-1. There: subnet-",
        "there is no security group sg-0123456789abcdef0",
        "there is no key pair mine",
        "there is no image ami-0123456789abcdef0 in eu-central-1",
        "there is no instance profile absent",
        "has no repository team/none",
    ):
        assert part in text


def test_an_unknown_region_is_told_with_those_near_it(aws: AwsDouble, backend: Make) -> None:
    assert "there is no region eu-centrl-1. Near it: eu-central-1" in told(backend(region="eu-centrl-1"))
    assert aws.calls == []


def test_without_credentials_nothing_else_is_told(
    aws: AwsDouble, backend: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.expired = True
    assert told(backend(key_name="mine")).count("the AWS credentials have expired. Sign in again") == 1
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert "no AWS credentials were found" in told(backend())
    assert "the AWS profile is not there" in told(backend(profile="absent", region=None))
    assert "no region is known" in told(backend(region=None))


def test_a_missing_permission_is_told_by_its_name(aws: AwsDouble, backend: Make) -> None:
    needed = ("ec2:RunInstances", "ec2:CreateLaunchTemplate", "ssm:DescribeParameters", "ec2:DescribeInstances")
    needed += ("ssm:PutParameter",)
    aws.denied |= {action.partition(":")[2] for action in needed}
    text = told(backend())
    for action in needed:
        assert f"you may not {action} on arn:aws:" in text
    assert "Ask for a policy that allows it" in text


def test_who_may_not_look_is_told_no_more_than_what_a_run_needs(aws: AwsDouble, backend: Make) -> None:
    aws.denied |= {"DescribeInstanceTypes", "DescribeVpcs", "GetParameter", "DescribeImages", "GetInstanceProfile"}
    aws.denied |= {"GetServiceQuota", "DescribeKeyPairs"}
    backend(key_name="mine").check_access()


def test_a_refusal_in_code_is_decoded_where_one_may(aws: AwsDouble, backend: Make) -> None:
    aws.coded_refusals = "iam:PassRole", "arn:aws:iam::123456789012:role/zenml-jobs"
    assert "you may not iam:PassRole on arn:aws:iam::123456789012:role/zenml-jobs" in told(backend())
    aws.denied.add("DecodeAuthorizationMessage")
    assert "aws sts decode-authorization-message" in told(backend())


def test_a_quota_that_is_used_up_is_told(aws: AwsDouble, backend: Make) -> None:
    aws.vcpus = 1.0
    assert "m7i.large has 2 vCPUs, and 1 of the quota's 1 are left" in told(backend())


def test_an_instance_profile_without_a_role_is_told(aws: AwsDouble, backend: Make) -> None:
    aws.add_instance_profile("empty", role=False)
    assert "the instance profile empty has no role" in told(backend(iam_instance_profile="empty"))


def test_an_image_for_another_architecture_is_told(aws: AwsDouble, backend: Make) -> None:
    arm = aws.image_of(REGION, "arm64")
    assert f"the image {arm} is for arm64, and m7i.large for x86_64" in told(backend(ami=arm))
    assert "root_device='/dev/xvda'" in told(backend(root_device="/dev/sda1"))


def test_an_image_in_ecr_is_looked_for(aws: AwsDouble, backend: Make) -> None:
    aws.add_repository(REGION, "team/pipelines")
    image = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/pipelines:2"
    assert "the repository team/pipelines has no image 2. Push it" in told(backend(image=image))


def test_an_instance_type_without_an_image_is_told(aws: AwsDouble, backend: Make) -> None:
    assert "there is no Amazon Linux with the drivers for g5g.xlarge" in told(backend(instance_type="g5g.xlarge"))
    assert "a1" not in told(backend(spot=True, instance_type="mac1.metal"))


def test_a_service_that_does_not_answer_is_told_so(aws: AwsDouble, backend: Make) -> None:
    aws.faults.append(Fault("500", times=99))
    assert "sts GetCallerIdentity in eu-central-1: the service cannot do that now" in told(backend())


def test_a_bucket_is_where_the_job_runs_or_that_is_told(aws: AwsDouble) -> None:
    s3 = connect("s3", "us-east-1")
    s3.call("CreateBucket", Bucket="near")
    there = {"LocationConstraint": "eu-central-1"}
    connect("s3", "eu-central-1").call("CreateBucket", Bucket="far", CreateBucketConfiguration=there)
    aws.foreign_buckets.add("theirs")
    warnings: list[str] = []

    def problems(path: str) -> str:
        return "".join(map(str, bucket_problems(ArtifactStore(path), "us-east-1", warnings.append)))

    assert problems("s3://near/folder") == ""
    assert warnings == []
    assert problems("s3://far/folder") == ""
    assert "The bucket far is in eu-central-1, and the run in us-east-1" in warnings[0]
    assert "there is no bucket none. Make it" in problems("s3://none")
    assert "you may not use the bucket theirs: it is another account's" in problems("s3://theirs")
    assert problems("/a/folder") == ""


@pytest.mark.parametrize(
    ("field", "value", "mend"),
    [
        ("region", "Frankfurt", "write a region"),
        ("instance_type", "large", "write a type and a size"),
        ("image", "Team/Image", "in lower case"),
        ("subnet_id", "mine", "subnet-0a1b2c3d4e5f67890"),
        ("security_group_ids", ["default"], "sg-0a1b2c3d4e5f67890"),
        ("ami", "amazon-linux", "ami-0a1b2c3d4e5f67890"),
        ("spot_max_price", "0.1", "goes with spot"),
        ("environment", {"A-B": "c"}, "name of a variable"),
        ("extra_tags", {"zenml-run": "x"}, "not beginning with"),
        ("iam_instance_profile", "a profile", "instance profile"),
        ("root_device", "xvda", "as in /dev/xvda"),
        ("disk_size_gb", 1, "greater than or equal to 8"),
    ],
)
def test_a_field_that_cannot_be_is_refused_at_once(field: str, value: Any, mend: str) -> None:
    with pytest.raises(ConfigError, match=mend):
        OrchestratorAWSBackend(**{field: value})
