"""The cloud-init of a run's machine: a unit of systemd that runs the job's container, by the script `machine.sh`."""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import yaml

from zenml.artifacts.handed_over import VARIABLE
from zenml.runtime.remote import RemoteJob

if TYPE_CHECKING:
    from zenml_gcp.vm.backend import OrchestratorGCPBackend

SCRATCH = "/tmp"  # noqa: S108 - the container's own, on a volume that goes with it
"""The folder that a job may write to; the rest of the container is read-only."""

NOTE = "machine.txt"
"""The file beside the run's others in which its machine says why the run could not begin."""

PROXY_IMAGE = "gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.14.1"
"""The Cloud SQL Auth Proxy."""

_UNIT = "zenml-run.service"
_FOLDER = "/etc/zenml"
_OWN_REGISTRIES = (".pkg.dev", "gcr.io")
"""Registries of Google's, to which the machine's service account signs in."""

_DIRECTIVE = "# shellcheck shell=bash disable=SC2016,SC2034  # texts as they are, which machine.sh reads\n"

_SERVICE = """\
[Unit]
Description=ZenML run {run}
Wants=network-online.target gcr-online.target docker.socket
After=network-online.target gcr-online.target docker.socket docker.service

[Service]
Environment=HOME=/home/zenml
ExecStartPre=/bin/mkdir -p /home/zenml
ExecStart=/bin/bash {folder}/machine.sh {folder}/settings.sh
RuntimeDirectory=zenml
KillMode=mixed
TimeoutStopSec=35
StandardOutput=journal+console
StandardError=journal+console
"""


def cloud_init(backend: OrchestratorGCPBackend, job: RemoteJob, name: str) -> str:
    """Return the user data of a job's machine; no secret is in it.

    Args:
        backend: its fields.
        job: the job.
        name: of the machine, of the container and of the secret.
    """
    script = (importlib.resources.files("zenml_gcp.vm") / "machine.sh").read_text("utf-8")
    files = {
        f"{_FOLDER}/settings.sh": settings(backend, job, name),
        f"{_FOLDER}/machine.sh": script,
        f"/etc/systemd/system/{_UNIT}": _SERVICE.format(run=job.run_id, folder=_FOLDER),
    }
    config = {
        "write_files": [{"path": path, "permissions": "0644", "content": text} for path, text in files.items()],
        "runcmd": [["systemctl", "daemon-reload"], ["systemctl", "start", "--no-block", _UNIT]],
    }
    return "#cloud-config\n" + yaml.dump(config, Dumper=_Dumper, sort_keys=False, width=1000)


def settings(backend: OrchestratorGCPBackend, job: RemoteJob, name: str) -> str:
    """Return what the script is told, as assignments of the shell."""
    endpoint = backend.endpoint_url
    host = backend.image.partition("/")[0]
    said: dict[str, str | Sequence[str]] = {
        "PROJECT": backend.project,
        "ZONE": backend.zone,
        "NAME": name,
        "COMPUTE": endpoint or "https://compute.googleapis.com",
        "SECRET_MANAGER": endpoint or "https://secretmanager.googleapis.com",
        "SECRET": name if job.secrets else "",
        "NOTE": _note_url(job),
        "IMAGE": backend.image,
        "REGISTRY": host if host.endswith(_OWN_REGISTRIES) else "",
        "USER_ID": backend.user,
        "STARTS": str(job.preemptions + 1),
        "GPU": "yes" if backend.has_gpu else "",
        "CONNECTION": backend.cloudsql_connection_name or "",
        "PROXY_IMAGE": PROXY_IMAGE,
        "PROXY_PORT": str(backend.cloudsql_port),
        "PROXY_OPTIONS": ["--private-ip"] if backend.cloudsql_private_ip else [],
        "OPTIONS": _options(backend, job),
        "ARGUMENTS": list(job.arguments),
    }
    return _DIRECTIVE + "".join(f"{key}={_shell(value)}\n" for key, value in said.items())


def _options(backend: OrchestratorGCPBackend, job: RemoteJob) -> list[str]:
    """Return the options of `docker run`."""
    plain: Mapping[str, str] = {"HOME": SCRATCH, "TMPDIR": SCRATCH, "PYTHONUNBUFFERED": "1", **job.environment}
    return [
        "--network=host",  # where the proxy of the database listens
        "--ipc=host",
        f"--user={backend.user}",
        "--read-only",
        f"--mount=type=volume,target={SCRATCH}",
        f"--workdir={SCRATCH}",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
        *(f"--label={key}={value}" for key, value in sorted(job.labels.items())),
        *(f"--env={key}={value}" for key, value in sorted(plain.items())),
        "--entrypoint=python",
    ]


def _note_url(job: RemoteJob) -> str:
    """Return where the machine writes why a run could not begin; nothing where its store is no bucket of Google's."""
    scheme, _, path = job.spec_uri.rpartition("/")[0].partition("://")
    if scheme != "gs":
        return ""
    bucket, _, folder = path.partition("/")
    store = json.loads(job.environment.get(VARIABLE, "{}"))
    endpoint = store.get("config", {}).get("endpoint_url") or "https://storage.googleapis.com"
    name = quote(f"{folder}/{NOTE}", safe="")
    return f"{endpoint}/upload/storage/v1/b/{bucket}/o?uploadType=media&name={name}"


def _shell(value: str | Sequence[str]) -> str:
    if isinstance(value, str):
        return _quoted(value)
    return "(" + "".join(f"\n  {_quoted(word)}" for word in value) + (")" if not value else "\n)")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as such, so that people can read what `plan` prints."""


def _text(dumper: yaml.SafeDumper, text: str) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)
