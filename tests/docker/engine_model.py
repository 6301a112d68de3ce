"""What a double of a Docker engine has and does; `engine_double` serves it.

A container is a process of this machine with exactly the container's variables; mounts keep their paths, so what is
mounted at its own path is found there. What the engine refuses is refused with its own words.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

Body = dict[str, Any]

_ASKED = {
    "config": "Image Hostname User Entrypoint Cmd Env WorkingDir Labels StopTimeout HostConfig",
    "host": "Init CapDrop SecurityOpt ReadonlyRootfs Mounts RestartPolicy Memory MemorySwap NanoCpus NetworkMode "
    "DeviceRequests",
    "mount": "Type Source Target ReadOnly VolumeOptions",
}
"""Names that a body may hold: the engine ignores what it does not know, so a misspelt one would go unseen there."""


class RefusedError(Exception):
    """What the engine does not do: an HTTP status and its words."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Fault:
    """What goes wrong with requests that match: a status with words, or a connection that is cut.

    Args:
        request: a pattern for `METHOD /path`.
        status: HTTP status; None cuts the connection instead.
        message: the engine's words.
        times: how often it happens.
        after: cut the connection only after the request was obeyed.
    """

    request: str
    status: int | None = None
    message: str = ""
    times: int = 1
    after: bool = False


@dataclass
class Container:
    """A container, and its process once it has one."""

    id: str
    name: str
    config: Body
    state: str = "created"
    error: str = ""
    exit_code: int = 0
    oom: bool = False
    process: subprocess.Popen[bytes] | None = None
    frames: list[bytes] = field(default_factory=list)
    readers: list[threading.Thread] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def inspected(self) -> Body:
        """Return what the engine tells of it."""
        config = {"Tty": False, **{key: value for key, value in self.config.items() if key != "HostConfig"}}
        state = {"Status": self.state, "Running": self.state == "running", "ExitCode": self.exit_code}
        state |= {"OOMKilled": self.oom, "Error": self.error, "Pid": self.process.pid if self.process else 0}
        host = {"Memory": 0, **self.config["HostConfig"]}
        return {"Id": self.id, "Name": f"/{self.name}", "State": state, "Config": config, "HostConfig": host}


class EngineDouble:
    """The engine.

    Args:
        folder: for scratch volumes and the socket; its path must be short.
        path: the PATH of its images.
    """

    def __init__(self, folder: Path, path: str) -> None:
        self.folder = folder
        self.images: dict[str, Body] = {"zenml/test:1": {"Env": [f"PATH={path}"]}}
        self.registry: dict[str, str] = {}
        self.containers: dict[str, Container] = {}
        self.volumes: dict[str, Body] = {}
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        self.information: Body = {"OSType": "linux", "NCPU": os.cpu_count(), "MemTotal": 64 << 30, "MemoryLimit": True}
        self.lock = threading.RLock()

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"unix://{self.folder}/docker.sock"

    def fault(self, request: str) -> Fault | None:
        """Return what goes wrong with a request, and count it."""
        with self.lock:
            self.requests.append(request)
            for fault in self.faults:
                if fault.times and re.search(fault.request, request):
                    fault.times -= 1
                    return fault
        return None

    def find(self, name: str) -> Container:
        """Return a container by name or id."""
        for container in self.containers.values():
            if name in (container.name, container.id, container.id[:12]):
                return container
        raise RefusedError(404, f"No such container: {name}")

    def create(self, name: str, config: Body) -> Container:
        """Make a container, as the engine would."""
        host = config.get("HostConfig") or {}
        _known("config", config)
        _known("host", host)
        for mount in host.get("Mounts", ()):
            _known("mount", mount)
        if config["Image"] not in self.images:
            raise RefusedError(404, f"No such image: {config['Image']}")
        for other in self.containers.values():
            if other.name == name:
                raise RefusedError(
                    409,
                    f'Conflict. The container name "/{name}" is already in use by container "{other.id}". You have to '
                    "remove (or rename) that container to be able to reuse that name.",
                )
        if 0 < host.get("Memory", 0) < 6 << 20:
            raise RefusedError(400, "Minimum memory limit allowed is 6MB")
        cpus = self.information["NCPU"]
        if host.get("NanoCpus", 0) > cpus * 1e9:
            raise RefusedError(400, f"Range of CPUs is from 0.01 to {cpus}.00, as there are only {cpus} CPUs available")
        for mount in host.get("Mounts", ()):
            if mount["Type"] == "bind" and not Path(mount["Source"]).exists():
                raise RefusedError(
                    400,
                    f'invalid mount config for type "bind": bind source path does not exist: {mount["Source"]}',
                )
        container = Container(token_hex(32), name, {**config, "HostConfig": host})
        for mount in host.get("Mounts", ()):
            if mount["Type"] == "volume":
                volume = token_hex(32)
                self.volumes[volume] = {
                    "Name": volume,
                    "Labels": mount.get("VolumeOptions", {}).get("Labels", {}),
                    "of": container.id,
                    "at": mount["Target"],
                }
                (self.folder / volume).mkdir()
        self.containers[container.id] = container
        return container

    def start(self, container: Container) -> int:
        """Run the container's command; return the HTTP status."""
        if container.state == "running":
            return 304
        host = container.config["HostConfig"]
        network = host.get("NetworkMode", "bridge")
        if network not in ("bridge", "host", "none"):
            raise self._failed(container, 404, f"network {network} not found")
        if host.get("DeviceRequests"):
            raise self._failed(container, 500, 'could not select device driver "" with capabilities: [[gpu]]')
        command, variables = self._command(container), self._variables(container)
        program = shutil.which(command[0], path=variables["PATH"])
        if program is None and not host.get("Init"):
            said = f'exec: "{command[0]}": executable file not found in $PATH: unknown'
            raise self._failed(container, 400, f"failed to create shim task: OCI runtime create failed: {said}")
        if program is None:  # what the engine puts before it does start
            said = f"[FATAL tini (7)] exec {command[0]} failed: No such file or directory"
            program, command = "/bin/sh", ["", "-c", f"echo '{said}' >&2; exit 127"]
        uid, _, gid = container.config["User"].partition(":")
        if int(uid) != os.geteuid() and os.geteuid():
            raise self._failed(container, 500, f"this double cannot run anything as user {uid}")
        container.process = subprocess.Popen(
            [program, *command[1:]],
            env=variables,
            cwd=self._inside(container, container.config["WorkingDir"]),
            user=int(uid),
            group=int(gid) if gid else None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        container.state, container.error, container.exit_code, container.oom = "running", "", 0, False
        for number in (1, 2):
            reader = threading.Thread(target=self._read, args=(container, number), daemon=True)
            container.readers.append(reader)
            reader.start()
        threading.Thread(target=self._wait, args=(container,), daemon=True).start()
        return 204

    def kill(self, container: Container, number: int, *, oom: bool = False) -> None:
        """Send a signal to the container's process; an out-of-memory kill is marked as such."""
        if container.process is None or container.state != "running":
            raise RefusedError(409, f"Container {container.id} is not running")
        container.oom = container.oom or oom
        with contextlib.suppress(ProcessLookupError):
            os.kill(container.process.pid, number)

    def stop(self, container: Container, seconds: int) -> int:
        """Send SIGTERM, and SIGKILL after a time; return the HTTP status."""
        if container.state != "running":
            return 304
        self.kill(container, signal.SIGTERM)
        with container.changed:
            ended = container.changed.wait_for(lambda: container.state == "exited", timeout=seconds)
        if not ended:
            self.kill(container, signal.SIGKILL)
            with container.changed:
                container.changed.wait_for(lambda: container.state == "exited")
        return 204

    def remove(self, container: Container, *, force: bool, volumes: bool) -> None:
        """Remove a container, and its volumes."""
        if container.state == "running":
            if not force:
                raise RefusedError(409, f"You cannot remove a running container {container.id}. Stop it, or force it")
            self.kill(container, signal.SIGKILL)
            with container.changed:
                container.changed.wait_for(lambda: container.state == "exited")
        del self.containers[container.id]
        for name in [name for name, volume in self.volumes.items() if volume["of"] == container.id]:
            if volumes:
                self.remove_volume(name)

    def remove_volume(self, name: str) -> None:
        """Remove a volume."""
        volume = self.volumes.get(name)
        if volume is None:
            raise RefusedError(404, f"get {name}: no such volume")
        if volume["of"] in self.containers:
            raise RefusedError(409, f"remove {name}: volume is in use - [{volume['of']}]")
        del self.volumes[name]
        shutil.rmtree(self.folder / name, ignore_errors=True)

    def close(self) -> None:
        """End all containers."""
        for container in [*self.containers.values()]:
            with contextlib.suppress(RefusedError):
                self.remove(container, force=True, volumes=True)

    def _failed(self, container: Container, status: int, message: str) -> RefusedError:
        container.error, container.exit_code = message, 128
        return RefusedError(status, message)

    def _command(self, container: Container) -> list[str]:
        config = container.config
        targets = [Path(mount["Target"]) for mount in config["HostConfig"].get("Mounts", ()) if mount["Type"] == "bind"]

        def seen(word: str) -> str:
            inside = any(Path(word).is_relative_to(target) for target in targets)
            return word if inside or not word.startswith("/") else f"/not-mounted{word}"

        return [*config.get("Entrypoint", ()), *map(seen, config.get("Cmd", ()))]

    def _variables(self, container: Container) -> dict[str, str]:
        """Return exactly the variables of the container; those of scratch folders name where these are here."""
        config = container.config
        rows = [*self.images[config["Image"]]["Env"], f"HOSTNAME={config['Hostname']}", *config["Env"]]
        variables = dict(row.split("=", 1) for row in rows)
        for name in ("HOME", "TMPDIR"):
            variables[name] = self._inside(container, variables[name])
        return variables

    def _inside(self, container: Container, path: str) -> str:
        for name, volume in self.volumes.items():
            if volume["of"] == container.id and volume["at"] == path:
                return str(self.folder / name)
        return path

    def _read(self, container: Container, number: int) -> None:
        process = container.process
        assert process is not None
        pipe = process.stdout if number == 1 else process.stderr
        assert pipe is not None
        with pipe:
            while chunk := os.read(pipe.fileno(), 16384):
                with container.changed:
                    container.frames.append(bytes([number, 0, 0, 0]) + len(chunk).to_bytes(4, "big") + chunk)
                    container.changed.notify_all()

    def _wait(self, container: Container) -> None:
        process = container.process
        assert process is not None
        code = process.wait()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # nothing outlives a container's first process
        for reader in container.readers:
            reader.join()
        with container.changed:
            container.state, container.exit_code = "exited", code if code >= 0 else 128 - code
            container.changed.notify_all()


def _known(place: str, given: Body) -> None:
    unknown = given.keys() - _ASKED[place].split()
    if unknown:
        raise RefusedError(400, f"unknown field in {place}: {', '.join(sorted(unknown))}")
