"""What must be so before a job can be made: packages, credentials, permissions, the region, the bucket."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import TYPE_CHECKING

from zenml.errors import Problem, StoreError
from zenml_gcp.access_checks import permission_problems, problems_of, region_problems
from zenml_gcp.google_api import GoogleAPI
from zenml_gcp.google_trouble import RefusedError

if TYPE_CHECKING:
    from zenml_gcp.dataflow.backend import ProcessingDataFlowBackend

_NEEDED = (
    "dataflow.jobs.cancel",
    "dataflow.jobs.create",
    "dataflow.jobs.get",
    "dataflow.jobs.list",
    "dataflow.messages.list",
)
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
    where = f"{type(backend).__name__}.project"
    permissions = permission_problems(api, backend.project, _NEEDED, "Dataflow Developer", where)
    yield from problems_of(api, (permissions, _region(backend, api), _bucket(backend)))


def _region(backend: ProcessingDataFlowBackend, api: GoogleAPI) -> Iterator[Problem]:
    try:
        answer = api.request("GET", "compute.googleapis.com", f"/compute/v1/projects/{backend.project}/regions")
    except RefusedError as error:
        if error.code == 403:
            return  # whoever may not look will be told when the job is made
        raise
    regions = [str(row["name"]) for row in answer.get("items", ())]
    yield from region_problems(backend.region, regions, f"{type(backend).__name__}.region")


def _bucket(backend: ProcessingDataFlowBackend) -> Iterator[Problem]:
    try:
        backend.staging.check()
    except StoreError as error:
        where = f"{type(backend).__name__}.staging_location"
        yield from (Problem(problem.what, where, problem.mend) for problem in error.problems)
