"""What is found out before a training job is submitted: all problems at once, and nothing is made."""

from __future__ import annotations

import subprocess
import sys

import pytest
from sagemaker_double import ACCOUNT, REGION, ROLE, SagemakerDouble
from sagemaker_fixtures import Make

from zenml.errors import ConfigError
from zenml.testing.emulators import make_s3_bucket


@pytest.fixture(autouse=True)
def _image(sagemaker: SagemakerDouble) -> None:
    """Let nobody look for images."""
    sagemaker.denied.add("ecr:DescribeImages")


def test_a_sound_configuration_is_looked_at_once(sagemaker: SagemakerDouble, make: Make) -> None:
    make().check_access()
    calls = [name for name, _ in sagemaker.calls]
    make().check_access()
    assert [name for name, _ in sagemaker.calls] == calls
    assert set(calls) == {
        "GetCallerIdentity",
        "GetRole",
        "SimulatePrincipalPolicy",
        "DescribeImages",
        "ListTrainingJobs",
    }


def test_all_problems_are_told_before_anything_is_made(sagemaker: SagemakerDouble, make: Make) -> None:
    backend = make(
        role=f"arn:aws:iam::{ACCOUNT}:role/nobody",
        instance_type="ml.m5.xlarg",
        job_dir="s3://no-such-bucket-1729/zenml",
    )
    sagemaker.denied |= {"sagemaker:CreateTrainingJob", "iam:PassRole"}
    with pytest.raises(ConfigError) as caught:
        backend.check_access()
    told = "\n".join(str(problem) for problem in caught.value.problems)
    assert "SageMaker has no instance type ml.m5.xlarg for training. There are: ml.m5.large, ml.m5.xlarge" in told
    assert f"there is no role arn:aws:iam::{ACCOUNT}:role/nobody" in told
    assert "the bucket no-such-bucket-1729 does not exist" in told
    assert "may not sagemaker:CreateTrainingJob. Ask for a policy that allows it" in told
    assert f"may not iam:PassRole on {backend.role}" in told
    assert sagemaker.training.jobs == {}


def test_a_role_that_sagemaker_may_not_assume_is_told(sagemaker: SagemakerDouble, make: Make) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/of-instances"
    trust = {"Effect": "Allow", "Principal": {"Service": ["ec2.amazonaws.com"]}, "Action": "sts:AssumeRole"}
    sagemaker.add_role(role, {"Version": "2012-10-17", "Statement": [trust]})
    with pytest.raises(ConfigError, match=rf"SageMaker may not assume the role {role}.*sagemaker.amazonaws.com"):
        make(role=role).check_access()


def test_a_role_on_another_path_is_shown(sagemaker: SagemakerDouble, make: Make) -> None:
    with pytest.raises(ConfigError, match=f"there is no role .*. There is {ROLE}"):
        make(role=f"arn:aws:iam::{ACCOUNT}:role/zenml-sagemaker").check_access()


def test_whoever_may_look_at_nothing_can_still_submit(sagemaker: SagemakerDouble, make: Make) -> None:
    sagemaker.denied |= {"iam:GetRole", "iam:SimulatePrincipalPolicy"}
    make().check_access()


def test_a_session_of_a_role_is_asked_for_by_that_role(sagemaker: SagemakerDouble, make: Make) -> None:
    sagemaker.caller = f"arn:aws:sts::{ACCOUNT}:assumed-role/zenml-sagemaker/me"
    make().check_access()
    asked = [params["PolicySourceArn"] for name, params in sagemaker.calls if name == "SimulatePrincipalPolicy"]
    assert asked == [ROLE, ROLE]


def test_an_account_itself_may_do_all(sagemaker: SagemakerDouble, make: Make) -> None:
    sagemaker.caller = f"arn:aws:iam::{ACCOUNT}:root"
    make().check_access()
    assert sagemaker.count("SimulatePrincipalPolicy") == 0


def test_a_missing_permission_to_list_is_told(sagemaker: SagemakerDouble, make: Make) -> None:
    sagemaker.denied |= {"iam:SimulatePrincipalPolicy", "sagemaker:ListTrainingJobs"}
    with pytest.raises(ConfigError, match="you may not sagemaker:ListTrainingJobs"):
        make().check_access()


def test_an_image_that_is_not_there_is_told(sagemaker: SagemakerDouble, make: Make) -> None:
    sagemaker.denied.clear()
    with pytest.raises(ConfigError, match=r"has no repository zenml-training. Push it"):
        make().check_access()
    sagemaker.add_repository("zenml-training")
    with pytest.raises(ConfigError, match=r"the repository zenml-training has no image 0.4. Push it"):
        make().check_access()


def test_no_credentials_are_one_problem(
    sagemaker: SagemakerDouble, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(ConfigError, match="no AWS credentials were found") as caught:
        make().check_access()
    assert len(caught.value.problems) == 1
    assert sagemaker.calls == []


def test_credentials_that_are_not_known_or_have_expired_are_one_problem(sagemaker: SagemakerDouble, make: Make) -> None:
    sagemaker.expired = True
    with pytest.raises(ConfigError, match="the AWS credentials have expired") as caught:
        make().check_access()
    assert len(caught.value.problems) == 1
    sagemaker.keys.clear()
    with pytest.raises(ConfigError, match="the AWS credentials are not accepted") as caught:
        make().check_access()
    assert len(caught.value.problems) == 1


def test_no_region_is_told(sagemaker: SagemakerDouble, make: Make) -> None:
    with pytest.raises(ConfigError, match="no region is known"):
        make(region=None).check_access()


def test_a_region_without_the_service_is_told(sagemaker: SagemakerDouble, make: Make) -> None:
    with pytest.raises(ConfigError, match=r"SageMaker is in no region eu-centrl-1. There are: eu-central-1"):
        make(region="eu-centrl-1").check_access()


def test_a_bucket_in_another_region_is_told(sagemaker: SagemakerDouble, make: Make, s3: str) -> None:
    make_s3_bucket(s3, "elsewhere-training-1729")
    match = f"the bucket elsewhere-training-1729 is in {REGION}, and a job of SageMaker in eu-west-1 writes to its own"
    with pytest.raises(ConfigError, match=match):
        make(region="eu-west-1", job_dir="s3://elsewhere-training-1729").check_access()


def test_to_name_the_backend_loads_no_sdk() -> None:
    script = (
        "import sys\n"
        "from zenml.backends.training import TrainingSagemakerBackend\n"
        f"backend = TrainingSagemakerBackend(role={ROLE!r}, job_dir='s3://bucket/zenml', region='eu-west-1',\n"
        f"    image='{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/zenml:1')\n"
        "assert list(backend.check()) == []\n"
        "assert backend.render('r0123456789012345678', {})\n"
        "print([name for name in ('boto3', 'botocore', 's3fs', 'torch') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")
