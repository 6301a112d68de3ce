"""The one container of a run, as the engine's API is asked for it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zenml.runtime.remote import RemoteJob
from zenml.secrets.env_file import VARIABLE
from zenml_docker.fields import bytes_of, mount_parts

if TYPE_CHECKING:
    from zenml_docker.backend import OrchestratorDockerBackend

SCRATCH = "/tmp"  # noqa: S108 - the container's own, on a volume that goes with it
"""The folder that a job may write to; the rest of the container is read-only."""

RUN_LABEL, PIPELINE_LABEL = "zenml-run", "zenml-pipeline"


def container_name(run_id: str) -> str:
    """Return the name of a run's container."""
    return f"zenml-{run_id}"


def container_body(backend: OrchestratorDockerBackend, job: RemoteJob, secrets_file: Path) -> dict[str, Any]:
    """Return what is sent to make the container of a job; no secret is in it."""
    own = {"HOME": SCRATCH, "TMPDIR": SCRATCH, "PYTHONUNBUFFERED": "1"}
    variables = {**own, **backend.environment, **job.environment}
    mounts = [_bind(folder, folder, "rw") for folder in local_folders(job)]
    mounts += [_bind(os.devnull, str(file), "ro") for file in _secrets_beside(job)]
    mounts += [_bind(*mount_parts(mount)) for mount in backend.mounts]
    if job.secrets:
        variables[VARIABLE] = str(secrets_file)
        mounts.append(_bind(str(secrets_file), str(secrets_file), "ro"))
    scratch = {"Type": "volume", "Target": SCRATCH, "VolumeOptions": {"Labels": dict(job.labels)}}
    host: dict[str, Any] = {
        "Init": True,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "ReadonlyRootfs": True,
        "Mounts": [scratch, *mounts],
        "RestartPolicy": {"Name": "no"},
    }
    if backend.memory:
        host["Memory"] = host["MemorySwap"] = bytes_of(backend.memory)  # equal: no swap on top
    if backend.cpus:
        host["NanoCpus"] = round(backend.cpus * 1e9)
    if backend.network:
        host["NetworkMode"] = backend.network
    if backend.gpus:
        count = -1 if backend.gpus == "all" else backend.gpus
        host["DeviceRequests"] = [{"Count": count, "Capabilities": [["gpu"]]}]
    return {
        "Image": backend.image,
        "Hostname": container_name(job.run_id),
        "User": user_of(backend),
        "Entrypoint": [backend.python],
        "Cmd": list(job.arguments),
        "Env": [f"{name}={value}" for name, value in sorted(variables.items())],
        "WorkingDir": SCRATCH,
        "Labels": dict(job.labels),
        "StopTimeout": backend.stop_seconds,
        "HostConfig": host,
    }


def local_folders(job: RemoteJob) -> list[str]:
    """Return the folders of this machine that hold the run's stores; a database's file needs those beside it."""
    found = (path if job.spec_uri.startswith(f"{path}/") else str(Path(path).parent) for path in job.local_files)
    return sorted(set(found))


def _secrets_beside(job: RemoteJob) -> list[Path]:
    """Return the files with secrets that lie in those folders, as in a repository's: the job gets only its own."""
    return [file for file in (Path(folder, "secrets.yaml") for folder in local_folders(job)) if file.is_file()]


def user_of(backend: OrchestratorDockerBackend) -> str:
    """Return the numbers of user and group that the job runs as: by default those of this process."""
    return backend.user or f"{os.getuid()}:{os.getgid()}"


def _bind(source: str, target: str, mode: str) -> dict[str, Any]:
    return {"Type": "bind", "Source": source, "Target": target, "ReadOnly": mode == "ro"}
