"""The CustomJob that Vertex AI is asked for; a pure function of the backend's fields and of what was staged."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zenml_gcp.vertex.base import GCAIPTrainingBackend

RUN_LABEL, JOB_LABEL = "zenml-run", "zenml-job"
NAMES = "zenml-r"
"""What the display names of all jobs begin with."""

_NAME = re.compile(r"zenml-(r[a-z0-9]{19})-[0-9a-f]{16}")


def job_name(run_id: str, id_: str) -> str:
    """Return the display name of the job that trains what was staged; Vertex AI does not ask it to be unique."""
    return f"zenml-{run_id}-{id_}"


def run_of(name: str) -> str:
    """Return the run of a job by its display name; empty for a job of others."""
    found = _NAME.fullmatch(name)
    return found[1] if found else ""


def job_body(
    backend: GCAIPTrainingBackend,
    run_id: str,
    id_: str,
    labels: Mapping[str, str],
    command: Sequence[str],
    environment: Mapping[str, str],
) -> dict[str, Any]:
    """Return the job as it is sent.

    Args:
        backend: its fields.
        run_id: the run.
        id_: names what was staged within the run.
        labels: of the run.
        command: of each container.
        environment: variables of each container; no secret is in them.
    """
    return {
        "displayName": job_name(run_id, id_),
        "labels": {**backend.extra_labels, **labels, RUN_LABEL: run_id, JOB_LABEL: id_},
        "jobSpec": {
            "workerPoolSpecs": _pools(backend, command, environment),
            "scheduling": _scheduling(backend),
            **({"serviceAccount": backend.service_account} if backend.service_account else {}),
            **({"network": backend.network} if backend.network else {}),
        },
    }


def _pools(
    backend: GCAIPTrainingBackend, command: Sequence[str], environment: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return one machine, the first, and a pool of the others: so Vertex AI wants it."""
    kind, count = backend.accelerators()
    machine: dict[str, Any] = {"machineType": backend.machine_type}
    if kind:
        machine |= {"acceleratorType": kind, "acceleratorCount": count}
    pool = {
        "machineSpec": machine,
        "diskSpec": {
            "bootDiskSizeGb": backend.disk_size_gb,
            **({"bootDiskType": backend.disk_type} if backend.disk_type else {}),
        },
        "containerSpec": {
            "imageUri": backend.image,
            "command": list(command),
            "env": [{"name": name, "value": _escaped(value)} for name, value in sorted(environment.items())],
        },
    }
    others = backend.machines() - 1
    return [{**pool, "replicaCount": "1"}, *([{**pool, "replicaCount": str(others)}] if others else [])]


def _scheduling(backend: GCAIPTrainingBackend) -> dict[str, Any]:
    return {
        "timeout": f"{backend.max_running_time}s",
        "strategy": "SPOT" if backend.spot else "STANDARD",
        **({"disableRetries": True} if not backend.max_restarts else {}),
        **({"restartJobOnWorkerRestart": True} if backend.max_restarts and backend.machines() > 1 else {}),
    }


def _escaped(value: str) -> str:
    """Return a variable's value as Vertex AI takes it, which would replace `$(NAME)`."""
    return value.replace("$(", "$$(")
