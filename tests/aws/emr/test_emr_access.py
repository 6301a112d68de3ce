"""What is found out before a job is submitted: all problems at once, and nothing is made."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from aws_double import AwsDouble
from emr_double import EmrDouble
from emr_jobs import Make, job

from zenml.errors import ConfigError
from zenml.testing.emulators import lead_to_s3, make_s3_bucket

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/zenml:1"
Prepare = Callable[[EmrDouble], dict[str, object]]


def test_a_sound_configuration_is_looked_at_once(emr: EmrDouble, make: Make) -> None:
    backend = make(application_id=emr.serverless.add())
    backend.check_access()
    calls = len(emr.calls)
    backend.check_access()
    assert len(emr.calls) == calls == 1


def test_all_problems_are_told_before_anything_is_made(emr: EmrDouble, make: Make, tmp_path: Path) -> None:
    application = emr.serverless.add(
        releaseLabel="emr-6.15.0", type="HIVE", maximumCapacity={"cpu": "4 vCPU", "memory": "16 GB"}
    )
    backend = make(
        application_id=application,
        executor_cores=8,
        environment="s3://environments/missing.tar.gz",
        staging_location="s3://no-such-bucket-1729/zenml",
    )
    with pytest.raises(ConfigError) as caught:
        backend.map(job(tmp_path / "out"))
    said = [str(problem) for problem in caught.value.problems]
    assert said[0].startswith("ProcessingEMRBackend.application_id: the application runs Spark") is False
    assert any("the release emr-6.15.0 is too old for Python 3.11" in row for row in said)
    assert any("an executor has 8 cores, and the application at most 4" in row for row in said)
    assert any("the bucket no-such-bucket-1729 does not exist" in row for row in said)
    assert any("there is no s3://environments/missing.tar.gz" in row for row in said)
    assert not (tmp_path / "out").exists()
    assert emr.serverless.jobs == {}


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (
            lambda _: {"application_id": "00fnosuch"},
            r"there is no application 00fnosuch in us-east-1.*list-applications",
        ),
        (lambda emr: {"application_id": _deleted(emr)}, "was deleted. Name another one"),
        (
            lambda emr: {"application_id": emr.serverless.add(autoStartConfiguration={"enabled": False})},
            "the application is CREATED, and does not start by itself. Start it: aws emr-serverless start-application",
        ),
        (lambda _: {"cluster_id": "j-NOSUCH"}, "there is no cluster j-NOSUCH in us-east-1"),
        (
            lambda emr: {"cluster_id": emr.clusters.add(state="TERMINATED", reason="Idle for 1 h.")},
            "the cluster is TERMINATED: Idle for 1 h. Name another one",
        ),
        (lambda emr: {"cluster_id": emr.clusters.add(applications=("Hive",))}, "the cluster has no Spark"),
        (lambda emr: {"cluster_id": emr.clusters.add(release="emr-6.15.0")}, "emr-6.15.0 is too old"),
    ],
)
def test_a_place_that_cannot_be_used_is_told(prepare: Prepare, said: str, emr: EmrDouble, make: Make) -> None:
    with pytest.raises(ConfigError, match=said):
        make(**prepare(emr)).check_access()


def _deleted(emr: EmrDouble) -> str:
    application = emr.serverless.add()
    emr.serverless.applications[application].state = "TERMINATED"
    return application


def test_no_credentials_are_one_problem(emr: EmrDouble, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(ConfigError, match="no AWS credentials were found") as caught:
        make().check_access()
    assert len(caught.value.problems) == 1
    assert emr.calls == []


def test_credentials_that_are_not_known_are_one_problem(
    emr: EmrDouble, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "another")
    with pytest.raises(ConfigError, match="the AWS credentials are not accepted") as caught:
        make().check_access()
    assert len(caught.value.problems) == 1


def test_no_region_is_told(emr: EmrDouble, make: Make) -> None:
    with pytest.raises(ConfigError, match="no region is known"):
        make(region=None).check_access()


@pytest.mark.parametrize(("place", "said"), [({}, "EMR Serverless"), ({"cluster_id": "j-1"}, "EMR")])
def test_an_unknown_region_is_told_with_those_near_it(
    place: dict[str, str], said: str, emr: EmrDouble, make: Make
) -> None:
    with pytest.raises(
        ConfigError, match=rf"region: {said} is in no region us-eest-1\. Near it: .*us-east-1"
    ) as caught:
        make(region="us-eest-1", **place).check_access()
    assert len(caught.value.problems) == 1
    assert emr.calls == []


def test_a_bucket_of_another_account_is_told(
    emr: EmrDouble, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with AwsDouble(tmp_path / "others") as other:
        other.foreign_buckets.add("theirs")
        lead_to_s3(monkeypatch, other.address)
        with pytest.raises(ConfigError, match=r"access to the bucket theirs is denied\. Grant s3:ListBucket"):
            make(staging_location="s3://theirs/zenml", environment=None, image=IMAGE).check_access()
    assert emr.serverless.jobs == {}


def test_a_subnet_that_is_not_there_is_told_and_leaves_nothing(emr: EmrDouble, make: Make, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"The subnet ID 'subnet-0aaaaaaaaaaaaaaa0' does not exist"):
        make(subnet_ids=["subnet-0aaaaaaaaaaaaaaa0"]).map(job(tmp_path / "out"))
    assert emr.serverless.applications == {}
    assert make(subnet_ids=["subnet-0aaaaaaaaaaaaaaa0"]).list_runs() == []


def test_a_bucket_in_another_region_is_told(emr: EmrDouble, make: Make, s3: str) -> None:
    make_s3_bucket(s3, "elsewhere-1729")
    with pytest.raises(ConfigError, match=r"the bucket elsewhere-1729 is in us-east-1, and EMR in eu-west-1"):
        list(_staging_problems(make(region="eu-west-1", staging_location="s3://elsewhere-1729")))


def _staging_problems(backend: object) -> None:
    from zenml_aws.emr.access import _staging

    problems = list(_staging(backend))  # type: ignore[arg-type]
    raise ConfigError(problems)


def test_to_name_the_engine_loads_no_sdk() -> None:
    script = (
        "import sys\n"
        "from zenml.backends.processing import ProcessingEMRBackend\n"
        "backend = ProcessingEMRBackend(staging_location='s3://bucket/zenml', region='eu-west-1', cluster_id='j-1')\n"
        "assert list(backend.check()) == []\n"
        "print([name for name in ('boto3', 'botocore', 's3fs', 'pyspark') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")
