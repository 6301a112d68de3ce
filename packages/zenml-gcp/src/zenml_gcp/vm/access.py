"""What must be so before a machine can be made: credentials, permissions, names, quotas, the bucket."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from zenml.artifacts.store import ArtifactStore
from zenml.backends.launch import Launch
from zenml.errors import Problem, closest
from zenml_gcp.access_checks import foreign_bucket_problems, is_disabled, listed, network_problems, problems_of
from zenml_gcp.compute import Compute
from zenml_gcp.google_api import Body, GoogleAPI
from zenml_gcp.google_trouble import RefusedError

if TYPE_CHECKING:
    from zenml_gcp.vm.backend import OrchestratorGCPBackend

_NEEDED = (
    "compute.disks.create",
    "compute.instances.create",
    "compute.instances.delete",
    "compute.instances.get",
    "compute.instances.list",
    "compute.instances.setLabels",
    "compute.instances.setMetadata",
    "compute.instances.setServiceAccount",
    "compute.instances.start",
    "compute.subnetworks.use",
    "compute.zoneOperations.get",
    "iam.serviceAccounts.actAs",
)
_FOR_SECRETS = (
    "secretmanager.secrets.create",
    "secretmanager.secrets.delete",
    "secretmanager.secrets.list",
    "secretmanager.versions.add",
)
_PER_ACCOUNT = ("iam.serviceAccounts.actAs",)
"""Permissions that may be granted on one service account only, so that lacking them on the project proves nothing."""

_LOOPBACK = ("localhost", "::1")


def find_problems(backend: OrchestratorGCPBackend, api: GoogleAPI, store: ArtifactStore | None) -> Iterator[Problem]:
    """Find all that would keep the machine from being made, or its job from beginning.

    Args:
        backend: its fields.
        api: how to reach Google's services.
        store: where the artifacts are to be; None where that is not known.
    """
    compute = Compute(api, backend.project)
    checks = (
        _permissions(backend, api),
        _zone(backend, compute),
        network_problems(compute, backend.region, backend.network, backend.subnetwork),
        _bucket(backend, api, store),
    )
    yield from problems_of(api, checks)


def loopback_problems(backend: OrchestratorGCPBackend, launch: Launch) -> Iterator[Problem]:
    """Find servers of this machine's own, which the run's machine cannot reach, and a proxy that is missing."""
    host, port = getattr(launch.metadata, "host", None), getattr(launch.metadata, "port", None)
    if _is_loopback(host) and not backend.cloudsql_connection_name:
        what = f"the metadata store is on {host}, which on the run's machine is that machine itself"
        mend = "Give cloudsql_connection_name='PROJECT:REGION:INSTANCE', or name the server as other machines do"
        yield Problem(what, "run.metadata_store", mend)
    elif _is_loopback(host) and port not in (None, backend.cloudsql_port):
        what = f"the metadata store is at port {port}, and the Cloud SQL proxy listens at {backend.cloudsql_port}"
        yield Problem(what, "run.metadata_store", f"Set cloudsql_port={port}")


def _is_loopback(host: object) -> bool:
    return isinstance(host, str) and (host in _LOOPBACK or host.startswith("127."))


def _permissions(backend: OrchestratorGCPBackend, api: GoogleAPI) -> Iterator[Problem]:
    project = backend.project
    wanted = [*_NEEDED, *_FOR_SECRETS, *(["compute.subnetworks.useExternalIp"] if backend.external_ip else [])]
    try:
        answer = api.request(
            "POST",
            "cloudresourcemanager.googleapis.com",
            f"/v1/projects/{project}:testIamPermissions",
            {"permissions": wanted},
        )
    except RefusedError as error:
        if is_disabled(error):
            return  # each call will say what it lacks
        if error.code in (403, 404):
            what = f"there is no project {project}, or you may not see it"
            yield Problem(what, "project", "Check its id: gcloud projects list; or ask for a role in it")
            return
        raise
    lacking = [each for each in wanted if each not in answer.get("permissions", ()) and each not in _PER_ACCOUNT]
    if lacking:
        what = f"you lack the permissions {', '.join(lacking)} on the project {project}"
        mend = "Ask for the roles Compute Instance Admin, Service Account User and Secret Manager Admin"
        yield Problem(what, "project", mend)


def _zone(backend: OrchestratorGCPBackend, compute: Compute) -> Iterator[Problem]:
    zones = compute.zones()
    if backend.zone not in zones:
        mend = closest(backend.zone, zones) or f"Zones: {listed(sorted(zones))}"
        yield Problem(f"there is no zone {backend.zone}", "zone", mend)
        return
    if zones[backend.zone].get("status") == "DOWN":
        yield Problem(f"the zone {backend.zone} is down", "zone", "Choose another one")
    machine = compute.machine_type(backend.zone, backend.machine_type)
    if machine is None and "-custom-" not in backend.machine_type:
        names = compute.machine_types(backend.zone)
        mend = closest(backend.machine_type, names) or f"Its machine types: {listed(sorted(names))}"
        yield Problem(f"the zone {backend.zone} has no machine type {backend.machine_type}", "machine_type", mend)
    yield from _gpu(backend, compute)
    yield from _quotas(backend, compute, machine or {})


def _gpu(backend: OrchestratorGCPBackend, compute: Compute) -> Iterator[Problem]:
    if not backend.gpu:
        return
    name, _, count = backend.gpu.partition(":")
    kinds = compute.accelerator_types(backend.zone)
    if name not in kinds:
        mend = closest(name, kinds) or (f"It has: {listed(sorted(kinds))}" if kinds else "Choose another zone")
        yield Problem(f"the zone {backend.zone} has no accelerator {name}", "gpu", mend)
        return
    most = int(kinds[name].get("maximumCardsPerInstance", 0))
    if most and int(count or 1) > most:
        yield Problem(f"a machine takes at most {most} of {name}", "gpu", f"Write {name}:{most}")


def _quotas(backend: OrchestratorGCPBackend, compute: Compute, machine: Body) -> Iterator[Problem]:
    """Compare what the machine needs with what the region's quotas leave."""
    needs: dict[str, float] = {"INSTANCES": 1}
    family = backend.machine_type.partition("-")[0]
    if machine.get("guestCpus"):
        cpus = float(machine["guestCpus"])
        own = f"{family.upper()}_CPUS"
        needs |= {"PREEMPTIBLE_CPUS" if backend.preemptible else "CPUS": cpus, own: cpus}
    if backend.external_ip:
        needs["IN_USE_ADDRESSES"] = 1
    if backend.gpu:
        name, _, count = backend.gpu.partition(":")
        kind = name.removeprefix("nvidia-").removeprefix("tesla-").upper().replace("-", "_")
        needs[f"{'PREEMPTIBLE_' if backend.preemptible else ''}NVIDIA_{kind}_GPUS"] = int(count or 1)
    for quota in compute.region(backend.region).get("quotas", ()):
        metric, limit, usage = str(quota.get("metric")), float(quota.get("limit", 0)), float(quota.get("usage", 0))
        if metric == "PREEMPTIBLE_CPUS" and limit == 0:
            continue  # then those of machines that are not preempted count
        if metric in needs and needs[metric] > limit - usage:
            left = f"{max(limit - usage, 0):g} of {limit:g} is left"
            what = f"quota {metric} of the region {backend.region}: the machine needs {needs[metric]:g}, and {left}"
            yield Problem(what, "machine_type", "Free some of it, ask for less, or have it raised")


def _bucket(backend: OrchestratorGCPBackend, api: GoogleAPI, store: ArtifactStore | None) -> Iterator[Problem]:
    """Find out whether the machine's service account was given access to a bucket of another project."""
    address = urlsplit(store.path) if store else None
    if address is None or address.scheme != "gs" or getattr(store, "endpoint_url", None) != backend.endpoint_url:
        return
    if getattr(store, "credentials", None) is not None:
        return  # the job takes them along
    bucket, where = address.netloc, "run.artifact_store"
    try:
        account, whose = backend.service_account, "the machine's"
        yield from foreign_bucket_problems(api, backend.project, bucket, account, whose, where)
    except RefusedError as error:
        if error.code == 404 and "bucket" in str(error):
            yield Problem(f"the bucket {bucket} does not exist", where, "Make it, or choose another one")
        return  # whoever may not look has no say in it
