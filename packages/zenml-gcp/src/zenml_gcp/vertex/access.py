"""What must be so before a job can be made: credentials, permissions, the region, the bucket, the service account."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from zenml.errors import Problem, StoreError
from zenml_gcp.access_checks import is_named, permission_problems, problems_of, region_problems
from zenml_gcp.google_api import GoogleAPI
from zenml_gcp.google_trouble import RefusedError
from zenml_gcp.vertex.service import regions

if TYPE_CHECKING:
    from zenml_gcp.vertex.base import GCAIPTrainingBackend

_NEEDED = (
    "aiplatform.customJobs.cancel",
    "aiplatform.customJobs.create",
    "aiplatform.customJobs.get",
    "aiplatform.customJobs.list",
)
_ACT_AS = "iam.serviceAccounts.actAs"


def find_problems(backend: GCAIPTrainingBackend, api: GoogleAPI) -> Iterator[Problem]:
    """Find all that would keep a job from being made, or from beginning."""
    where = type(backend).__name__
    permissions = permission_problems(api, backend.project, _NEEDED, "Vertex AI User", f"{where}.project")
    checks = (permissions, _region(backend, api), _bucket(backend), _place(backend, api), _account(backend, api))
    yield from problems_of(api, checks)


def _region(backend: GCAIPTrainingBackend, api: GoogleAPI) -> Iterator[Problem]:
    yield from region_problems(backend.region, regions(api, backend.project), f"{type(backend).__name__}.region")


def _bucket(backend: GCAIPTrainingBackend) -> Iterator[Problem]:
    """Find out whether this machine reaches the bucket."""
    try:
        backend.staging.check()
    except StoreError as error:
        where = f"{type(backend).__name__}.job_dir"
        yield from (Problem(problem.what, where, problem.mend) for problem in error.problems)


def _place(backend: GCAIPTrainingBackend, api: GoogleAPI) -> Iterator[Problem]:
    """Find out whether the bucket is in the job's region, and of its project, or open to its service account."""
    bucket, where = urlsplit(backend.job_dir).netloc, f"{type(backend).__name__}.job_dir"
    try:
        asked = f"/storage/v1/b/{bucket}?fields=projectNumber,location,locationType"
        found = api.request("GET", "storage.googleapis.com", asked)
        own = api.request("GET", "cloudresourcemanager.googleapis.com", f"/v1/projects/{backend.project}")
    except RefusedError as error:
        if error.code in (403, 404):
            return  # whoever may not look has no say in it; a bucket that is missing was told before
        raise
    place = str(found.get("location", "")).lower()
    if found.get("locationType") == "region" and place != backend.region:
        what = f"the bucket {bucket} is in {place}, and the job would run in {backend.region}"
        yield Problem(what, where, f"Set region={place!r}, or choose a bucket in {backend.region}")
    if str(found.get("projectNumber")) != str(own.get("projectNumber")):
        yield from _of_another_project(backend, api, bucket, str(own.get("projectNumber")))


def _of_another_project(backend: GCAIPTrainingBackend, api: GoogleAPI, bucket: str, number: str) -> Iterator[Problem]:
    agent = f"service-{number}@gcp-sa-aiplatform-cc.iam.gserviceaccount.com"
    account = backend.service_account or agent
    try:
        policy = api.request("GET", "storage.googleapis.com", f"/storage/v1/b/{bucket}/iam")
    except RefusedError as error:
        if error.code in (403, 404):
            return
        raise
    if not is_named(policy, account):
        what = (
            f"the bucket {bucket} belongs to another project than {backend.project}, and the job's service account "
            f"{account} has no role on it"
        )
        mend = (
            f"Run: gcloud storage buckets add-iam-policy-binding gs://{bucket} "
            f"--member=serviceAccount:{account} --role=roles/storage.objectAdmin"
        )
        yield Problem(what, f"{type(backend).__name__}.job_dir", mend)


def _account(backend: GCAIPTrainingBackend, api: GoogleAPI) -> Iterator[Problem]:
    """Find out whether there is the service account, and whether one may let the job work by it."""
    account, where = backend.service_account, f"{type(backend).__name__}.service_account"
    if account is None:
        return
    path = f"/v1/projects/-/serviceAccounts/{account}"
    try:
        answer = api.request("POST", "iam.googleapis.com", f"{path}:testIamPermissions", {"permissions": [_ACT_AS]})
    except RefusedError as error:
        if error.code == 404:
            yield Problem(
                f"there is no service account {account}", where, "List them: gcloud iam service-accounts list"
            )
        elif error.code != 403:
            raise  # whoever may not look will be told when the job is made
        return
    if _ACT_AS not in answer.get("permissions", ()):
        what = f"you lack the permission {_ACT_AS} on {account}"
        yield Problem(what, where, "Ask for the role Service Account User on it")
