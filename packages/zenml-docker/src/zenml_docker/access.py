"""What must be so before a container can be made: the engine, the image, limits, users, mounts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from zenml.backends.launch import Launch
from zenml.errors import Problem
from zenml_docker.container import user_of
from zenml_docker.engine import Engine, is_on_this_machine
from zenml_docker.fields import bytes_of, mount_parts

if TYPE_CHECKING:
    from zenml_docker.backend import OrchestratorDockerBackend

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def find_problems(backend: OrchestratorDockerBackend, engine: Engine) -> Iterator[Problem]:
    """Find all that would keep the container from being made, or from starting."""
    info = engine.info()
    where = engine.address
    if info.get("OSType", "linux") != "linux":
        yield Problem(f"the engine runs {info['OSType']} containers", where, "Switch it to Linux containers")
    if backend.pull_policy == "never" and not engine.has_image(backend.image):
        yield Problem(
            f"the engine has no image {backend.image}", where, "Pull or build it, or set pull_policy='missing'"
        )
    if backend.memory and not info.get("MemoryLimit", True):
        yield Problem("the engine cannot limit memory", where, "Leave memory out, or enable the memory control group")
    if backend.memory and bytes_of(backend.memory) > info.get("MemTotal", float("inf")):
        has = info["MemTotal"] >> 20
        yield Problem(
            f"the engine's machine has {has} MiB, fewer than memory={backend.memory!r}", where, "Ask for less"
        )
    if backend.cpus and backend.cpus > info.get("NCPU", float("inf")):
        yield Problem(f"the engine has {info['NCPU']} CPUs, fewer than cpus={backend.cpus}", where, "Ask for fewer")
    if _is_rootless(info) and user_of(backend).partition(":")[0] != "0":
        what = "the engine runs rootless: a container's user 0 is you, and every other one somebody else"
        yield Problem(what, where, "Set user='0:0'")
    yield from _mounts(backend, where)


def loopback_problems(launch: Launch) -> Iterator[Problem]:
    """Find servers of this machine's own that a container with a network of its own cannot reach."""
    mend = "Set network='host', or name the machine as others do"
    host = getattr(launch.metadata, "host", None)
    if host in _LOOPBACK:
        what = f"the metadata store is on {host}, which in a container is the container itself"
        yield Problem(what, "run.metadata_store", mend)
    endpoint = getattr(launch.store, "endpoint_url", None)
    if endpoint and urlsplit(endpoint).hostname in _LOOPBACK:
        what = f"the artifact store is at {endpoint}, which in a container is the container itself"
        yield Problem(what, "run.artifact_store", mend)


def _is_rootless(info: dict[str, object]) -> bool:
    options = info.get("SecurityOptions") or []
    return isinstance(options, list) and any("rootless" in str(option) for option in options)


def _mounts(backend: OrchestratorDockerBackend, where: str) -> Iterator[Problem]:
    if not is_on_this_machine(where):
        return  # the folders are the engine's, which will say what is missing
    for mount in backend.mounts:
        source, _, mode = mount_parts(mount)
        if not Path(source).exists():
            yield Problem(f"there is no {source} to mount", "mounts", "Make it, or take it out")
        elif mode != "ro" and backend.user is None and not os.access(source, os.W_OK):
            yield Problem(f"you may not write to {source}", "mounts", f"Mount it to be read: {source}:ro")
