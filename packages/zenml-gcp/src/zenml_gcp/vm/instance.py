"""The one machine of a run, as Compute Engine is asked for it, and the secret that it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml.runtime.remote import RemoteJob
from zenml_gcp.vm.cloud_init import cloud_init

if TYPE_CHECKING:
    from zenml_gcp.vm.backend import OrchestratorGCPBackend

RUN_LABEL, PIPELINE_LABEL = "zenml-run", "zenml-pipeline"
MARGIN = 900
"""Seconds that a machine may take beyond the job's deadline: to start, to pull the image, and to end."""

_COS = "projects/cos-cloud/global/images/family"
_ARM = ("a4x", "c4a", "n4a", "t2a")
_HYPERDISK_ONLY = ("a4", "a4x", "c4", "c4a", "c4d", "g4", "h4d", "m4", "n4", "n4a", "n4d", "x4")
_GPU_FAMILIES = ("a2", "a3", "a4", "a4x", "g2", "g4")
"""Families of machines whose types have their accelerators built in."""

_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
_LONGEST_LABEL = 63


def has_built_in_gpu(machine_type: str) -> bool:
    """Tell whether machines of a type come with accelerators."""
    return _family(machine_type) in _GPU_FAMILIES


def labels_of(backend: OrchestratorGCPBackend, job: RemoteJob) -> dict[str, str]:
    """Return the labels of all that is made for a job."""
    own = {key: value[:_LONGEST_LABEL].strip("-") for key, value in job.labels.items()}
    return {**backend.extra_labels, **own}


def instance_body(backend: OrchestratorGCPBackend, job: RemoteJob, name: str) -> dict[str, Any]:
    """Return what is sent to make a job's machine; no secret is in it."""
    labels, zone = labels_of(backend, job), f"zones/{backend.zone}"
    family = _family(backend.machine_type)
    image = backend.machine_image or f"{_COS}/{'cos-arm64-stable' if family in _ARM else 'cos-stable'}"
    disk = backend.disk_type or ("hyperdisk-balanced" if family in _HYPERDISK_ONLY else "pd-balanced")
    body: dict[str, Any] = {
        "name": name,
        "description": f"ZenML run {job.run_id}",
        "labels": labels,
        "machineType": f"{zone}/machineTypes/{backend.machine_type}",
        "disks": [
            {
                "boot": True,
                "autoDelete": True,
                "initializeParams": {
                    "sourceImage": image,
                    "diskSizeGb": str(backend.disk_size_gb),
                    "diskType": f"{zone}/diskTypes/{disk}",
                    "labels": labels,
                },
            }
        ],
        "networkInterfaces": [_interface(backend)],
        "serviceAccounts": [{"email": backend.service_account or "default", "scopes": [_PLATFORM]}],
        "scheduling": _scheduling(backend),
        "metadata": {
            "items": [
                {"key": "user-data", "value": cloud_init(backend, job, name)},
                {"key": "google-logging-enabled", "value": "true"},
                {"key": "cos-update-strategy", "value": "update_disabled"},
            ]
        },
    }
    if backend.gpu:
        kind, _, count = backend.gpu.partition(":")
        accelerator = {"acceleratorType": f"{zone}/acceleratorTypes/{kind}", "acceleratorCount": int(count or 1)}
        body["guestAccelerators"] = [accelerator]
    if backend.tags:
        body["tags"] = {"items": list(backend.tags)}
    return body


def secret_body(backend: OrchestratorGCPBackend, job: RemoteJob) -> dict[str, Any]:
    """Return what is sent to make a job's secret; its value is sent apart, and is not part of it."""
    replicas = [{"location": location} for location in backend.secret_locations]
    body: dict[str, Any] = {
        "labels": labels_of(backend, job),
        "replication": {"userManaged": {"replicas": replicas}} if replicas else {"automatic": {}},
    }
    if backend.max_run_duration:  # of each start of the job
        body["ttl"] = f"{(backend.max_run_duration + MARGIN) * (job.preemptions + 1)}s"
    return body


def _interface(backend: OrchestratorGCPBackend) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if backend.subnetwork:
        found["subnetwork"] = f"regions/{backend.region}/subnetworks/{backend.subnetwork}"
    if backend.network or not backend.subnetwork:
        found["network"] = f"global/networks/{backend.network or 'default'}"
    if backend.external_ip:
        found["accessConfigs"] = [{"type": "ONE_TO_ONE_NAT", "name": "External NAT"}]
    return found


def _scheduling(backend: OrchestratorGCPBackend) -> dict[str, Any]:
    """Return when the machine ends; one that is preempted is stopped, so that it can be started again."""
    found: dict[str, Any] = {
        "provisioningModel": "SPOT" if backend.preemptible else "STANDARD",
        "automaticRestart": not backend.preemptible,
        "onHostMaintenance": "TERMINATE" if backend.preemptible or backend.has_gpu else "MIGRATE",
    }
    if backend.preemptible:
        found["instanceTerminationAction"] = "STOP"
    if backend.max_run_duration:
        found["maxRunDuration"] = {"seconds": str(backend.max_run_duration + MARGIN)}
        found.setdefault("instanceTerminationAction", "DELETE")
    return found


def _family(machine_type: str) -> str:
    return machine_type.partition("-")[0]
