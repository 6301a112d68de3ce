"""What must be so before a job can be made: packages, credentials, permissions, the region, the bucket."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from zenml.errors import ConfigError, Problem, StoreError, closest
from zenml_gcp.google_api import GoogleAPI
from zenml_gcp.google_trouble import RefusedError, UnreachableError

if TYPE_CHECKING:
    from zenml_gcp.dataflow.backend import ProcessingDataFlowBackend

_NEEDED = (
    "dataflow.jobs.cancel",
    "dataflow.jobs.create",
    "dataflow.jobs.get",
    "dataflow.jobs.list",
    "dataflow.messages.list",
)
_MANY = 12
_PACKAGES = {
    "apache_beam": "apache-beam",
    "zenml_beam": "zenml-beam",
    "google.cloud.dataflow_v1beta3": "google-cloud-dataflow-client",
}


def package_problems(where: str) -> Iterator[Problem]:
    """Find packages that are not installed here."""
    missing = [name for module, name in _PACKAGES.items() if importlib.util.find_spec(module) is None]
    if importlib.util.find_spec("google.cloud") is None or not importlib.util.find_spec(
        "google.cloud.dataflow_v1beta3"
    ):
        missing.append("google-cloud-dataflow-client")
    if missing:
        yield Problem(f"not installed: {', '.join(missing)}", where, 'Run: pip install "zenml-gcp[dataflow]"')


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # nor what it is in
        return False


def find_problems(backend: ProcessingDataFlowBackend, api: GoogleAPI) -> Iterator[Problem]:
    """Find all that would keep a job from being made."""
    try:
        api.credentials  # noqa: B018 - looking at them finds them
    except ConfigError as error:
        yield from error.problems
        return
    checks: tuple[Callable[[ProcessingDataFlowBackend, GoogleAPI], Iterator[Problem]], ...]
    checks = (_permissions, _region, _bucket)
    seen: set[Problem] = set()
    for check in checks:
        try:
            found = list(check(backend, api))
        except RefusedError as error:
            found = list(error.problems)
            if error.code == 401:
                yield from found
                return
        except UnreachableError as error:
            found = list(error.problems)
        except ConfigError as error:  # of the credentials: no other check can pass
            yield from error.problems
            return
        yield from (problem for problem in found if problem not in seen)
        seen.update(found)


def _permissions(backend: ProcessingDataFlowBackend, api: GoogleAPI) -> Iterator[Problem]:
    where = f"{type(backend).__name__}.project"
    path = f"/v1/projects/{backend.project}:testIamPermissions"
    try:
        answer = api.request("POST", "cloudresourcemanager.googleapis.com", path, {"permissions": list(_NEEDED)})
    except RefusedError as error:
        if error.reason in ("SERVICE_DISABLED", "accessNotConfigured"):
            return  # each call will say what it lacks
        if error.code in (403, 404):
            what = f"there is no project {backend.project}, or you may not see it"
            yield Problem(what, where, "Check its id: gcloud projects list; or ask for a role in it")
            return
        raise
    lacking = [each for each in _NEEDED if each not in answer.get("permissions", ())]
    if lacking:
        what = f"you lack the permissions {', '.join(lacking)} on the project {backend.project}"
        yield Problem(what, where, "Ask for the role Dataflow Developer")


def _region(backend: ProcessingDataFlowBackend, api: GoogleAPI) -> Iterator[Problem]:
    try:
        answer = api.request("GET", "compute.googleapis.com", f"/compute/v1/projects/{backend.project}/regions")
    except RefusedError as error:
        if error.code == 403:
            return  # whoever may not look will be told when the job is made
        raise
    regions = sorted(str(row["name"]) for row in answer.get("items", ()))
    if regions and backend.region not in regions:
        listed = ", ".join(regions[:_MANY]) + (f", … ({len(regions)})" if len(regions) > _MANY else "")
        mend = closest(backend.region, regions) or f"Regions: {listed}"
        yield Problem(f"there is no region {backend.region}", f"{type(backend).__name__}.region", mend)


def _bucket(backend: ProcessingDataFlowBackend, _: GoogleAPI) -> Iterator[Problem]:
    try:
        backend.staging.check()
    except StoreError as error:
        where = f"{type(backend).__name__}.staging_location"
        yield from (Problem(problem.what, where, problem.mend) for problem in error.problems)
