"""What must be so before a job can be made: packages, credentials, permissions, the region, the bucket."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from zenml.errors import Problem, StoreError, closest
from zenml_gcp.access_checks import (
    foreign_bucket_problems,
    listed,
    network_problems,
    permission_problems,
    problems_of,
    region_problems,
)
from zenml_gcp.compute import Compute
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
    yield from problems_of(api, (permissions, _region(backend, api), _bucket(backend), _owner(backend, api)))


def _region(backend: ProcessingDataFlowBackend, api: GoogleAPI) -> Iterator[Problem]:
    try:
        answer = api.request("GET", "compute.googleapis.com", f"/compute/v1/projects/{backend.project}/regions")
    except RefusedError as error:
        if error.code == 403:
            return  # whoever may not look will be told when the job is made
        raise
    name, compute = type(backend).__name__, Compute(api, backend.project)
    regions = {str(row["name"]): row for row in answer.get("items", ())}
    yield from region_problems(backend.region, regions, f"{name}.region")
    if backend.region in regions:
        zones = [str(zone).rpartition("/")[2] for zone in regions[backend.region].get("zones", ())]
        yield from _machine_type(backend, compute, zones)
        yield from network_problems(compute, backend.region, backend.network, backend.subnetwork, f"{name}.")


def _machine_type(backend: ProcessingDataFlowBackend, compute: Compute, zones: list[str]) -> Iterator[Problem]:
    """Find a type of machines that no zone of the region has."""
    wanted = backend.machine_type
    if wanted is None or "-custom-" in wanted or not zones:
        return
    try:
        if any(compute.machine_type(zone, wanted) for zone in zones):
            return
        known = sorted({name for zone in zones for name in compute.machine_types(zone)})
    except RefusedError as error:
        if error.code == 403:
            return  # see above
        raise
    mend = closest(wanted, known) or f"Its machine types: {listed(known)}"
    what = f"the region {backend.region} has no machine type {wanted}"
    yield Problem(what, f"{type(backend).__name__}.machine_type", mend)


def _bucket(backend: ProcessingDataFlowBackend) -> Iterator[Problem]:
    try:
        backend.staging.check()
    except StoreError as error:
        where = f"{type(backend).__name__}.staging_location"
        yield from (Problem(problem.what, where, problem.mend) for problem in error.problems)


def _owner(backend: ProcessingDataFlowBackend, api: GoogleAPI) -> Iterator[Problem]:
    """Find a bucket of another project that does not let the workers in."""
    bucket, where = urlsplit(backend.staging_location).netloc, f"{type(backend).__name__}.staging_location"
    try:
        account, whose = backend.service_account, "the workers'"
        yield from foreign_bucket_problems(api, backend.project, bucket, account, whose, where)
    except RefusedError as error:
        if error.code not in (403, 404):  # whoever may not look has no say in it
            raise
