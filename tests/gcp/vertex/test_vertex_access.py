"""What is told before a job is made: credentials, permissions, APIs, the region, the bucket, the service account."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google_double import Fault, GoogleDouble
from google_double.others import NUMBER, Buckets, Projects
from vertex_double import Vertex
from vertex_rules import ACCOUNTS
from vertex_world import Accounts

from zenml.errors import ConfigError

pytestmark = pytest.mark.xdist_group("vertex")
Make = Callable[..., Any]
AGENT = f"service-{NUMBER}@gcp-sa-aiplatform-cc.iam.gserviceaccount.com"
(ACCOUNT,) = ACCOUNTS


def problems(backend: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        backend.check_access()
    return [str(problem) for problem in caught.value.problems]


def test_a_sound_backend_is_found_sound_once(make: Make, google: GoogleDouble) -> None:
    make(service_account=ACCOUNT).check_access()
    calls = len(google.calls)
    make(service_account=ACCOUNT).check_access()
    assert len(google.calls) == calls


def test_all_mistakes_are_told_at_once(make: Make, google: GoogleDouble, vertex: Vertex) -> None:
    google.service(Projects).lacking = {"aiplatform.customJobs.create", "aiplatform.customJobs.list"}
    named = "nobody@proj-one.iam.gserviceaccount.com"
    wrong = make(region="europe-west9", job_dir="gs://no-such-bucket-here/x", service_account=named)
    permission, region, bucket, account = problems(wrong)
    assert permission == (
        "SingleGPUTrainingGCAIPBackend.project: you lack the permissions aiplatform.customJobs.create, "
        "aiplatform.customJobs.list on the project proj-one. Ask for the role Vertex AI User"
    )
    assert "SingleGPUTrainingGCAIPBackend.region: there is no region europe-west9. Did you mean europe-west" in region
    assert "SingleGPUTrainingGCAIPBackend.job_dir: the bucket no-such-bucket-here does not exist" in bucket
    assert f"there is no service account {named}" in account
    assert vertex.jobs == []


def test_regions_are_listed_where_none_is_near(make: Make) -> None:
    (region,) = problems(make(region="mars-north1"))
    assert region.endswith("Regions: europe-west1, europe-west4, us-central1")


def test_a_bucket_of_another_region_is_told(make: Make, google: GoogleDouble, job_dir: str) -> None:
    bucket = job_dir.removeprefix("gs://").partition("/")[0]
    google.service(Buckets).regions[bucket] = "us-central1"
    (place,) = problems(make())
    assert f"the bucket {bucket} is in us-central1, and the job would run in europe-west1" in place
    assert "Set region='us-central1', or choose a bucket in europe-west1" in place
    make(region="us-central1").check_access()


@pytest.mark.parametrize(
    ("members", "account", "sound"),
    [
        ([], None, False),
        ([f"serviceAccount:{AGENT}"], None, True),
        ([f"serviceAccount:{AGENT}"], ACCOUNT, False),
        ([f"serviceAccount:{ACCOUNT}"], ACCOUNT, True),
        (["group:team@example.com"], None, True),
    ],
)
def test_a_bucket_of_another_project_needs_a_role_for_the_job(
    make: Make, google: GoogleDouble, job_dir: str, members: list[str], account: str | None, sound: bool
) -> None:
    bucket = job_dir.removeprefix("gs://").partition("/")[0]
    google.service(Buckets).projects[bucket] = "99"
    google.service(Buckets).members[bucket] = members
    backend = make(service_account=account)
    if sound:
        backend.check_access()
        return
    (told,) = problems(backend)
    assert f"the job's service account {account or AGENT} has no role on it" in told
    assert f"gcloud storage buckets add-iam-policy-binding gs://{bucket} --member=serviceAccount:" in told


def test_one_may_lack_the_right_to_use_the_service_account(make: Make, google: GoogleDouble) -> None:
    google.service(Accounts).closed = {ACCOUNT}
    (told,) = problems(make(service_account=ACCOUNT))
    assert f"you lack the permission iam.serviceAccounts.actAs on {ACCOUNT}. Ask for the role Service Account" in told


@pytest.mark.parametrize("method", ["buckets.get", "serviceAccounts.test", "buckets.getIamPolicy"])
def test_whoever_may_not_look_finds_nothing(make: Make, google: GoogleDouble, job_dir: str, method: str) -> None:
    google.service(Buckets).projects[job_dir.removeprefix("gs://").partition("/")[0]] = "99"
    google.service(Buckets).members[job_dir.removeprefix("gs://").partition("/")[0]] = ["group:all@example.com"]
    google.faults.append(Fault("403", method=method, times=99))
    make(service_account=ACCOUNT).check_access()


def test_an_api_that_is_not_enabled_is_told(make: Make, vertex: Vertex) -> None:
    vertex.enabled = False
    (told,) = problems(make())
    assert "the API aiplatform.googleapis.com is not enabled" in told
    assert "gcloud services enable aiplatform.googleapis.com" in told


def test_a_project_that_is_not_there_is_told(make: Make) -> None:
    assert "there is no project other-project, or you may not see it" in problems(make(project="other-project"))[0]


def test_expired_and_missing_credentials_are_told_alone(
    make: Make, google: GoogleDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    google.expired = True
    (told,) = problems(make(disk_size_gb=101))
    assert "credentials are not valid any more. Run: gcloud auth application-default login" in told
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    (told,) = problems(make())
    assert "no Google credentials were found" in told
