"""Machine: boots by its user data, as Container-Optimized OS does: cloud-init, then a unit of systemd, then Docker.

Everything of it lies in one folder. `/etc` and `/run` are new at each boot; Docker's containers stay until the machine
is deleted.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from google_double.metadata_server import MetadataServer
from google_double.unit import Unit, read_unit

_TOOL = Path(__file__).with_name("docker_tool.py")
_STUBS = {
    "sleep": "exec /bin/sleep 0.02",
    "chown": "exit 0",
    "mount": "exit 0",
    "docker-credential-gcr": 'echo "$@" >> {folder}/credential-helper',
    "cos-extensions": 'echo "$@" >> {folder}/cos-extensions',
    "systemctl": 'echo "$1" >> {folder}/systemctl',
}
_PATIENCE = 60.0
_SLOWER = 4
"""So many times slower than a machine of Google's may the one be on which tests run."""


@dataclass
class World:
    """What machines reach.

    Args:
        token_of: returns a token of a service account.
        account: the service account that `default` stands for.
        databases: address and port of Cloud SQL's databases by connection name.
        image_variables: of every image's own.
        pull_errors: what registries say of images that cannot be pulled.
        defects: what a machine was told that its system would not understand.
    """

    token_of: Callable[[str], str]
    account: str = "1234-compute@developer.gserviceaccount.com"
    databases: dict[str, tuple[str, int]] = field(default_factory=dict)
    image_variables: dict[str, str] = field(default_factory=dict)
    pull_errors: dict[str, str] = field(default_factory=dict)
    defects: list[str] = field(default_factory=list)


class Machine:
    """One machine.

    Args:
        body: as it was asked for.
        folder: its disk.
        world: what it reaches.
    """

    def __init__(self, body: Mapping[str, Any], folder: Path, world: World) -> None:
        self.name, self.body, self.folder = str(body["name"]), body, folder
        self.boots = 0
        shutil.rmtree(folder, ignore_errors=True)  # an earlier machine of the same name
        folder.mkdir(parents=True)
        self._world = world
        self._unit: Unit | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._metadata: MetadataServer | None = None
        self._watcher: threading.Thread | None = None
        self._going_down = False

    @property
    def log_file(self) -> Path:
        """What the console shows."""
        return self.folder / "console.log"

    def console(self) -> str:
        """Return what was printed to the console."""
        return self.log_file.read_text("utf-8", "replace") if self.log_file.exists() else ""

    def container_output(self) -> str:
        """Return what the containers printed, where the agent of Cloud Logging runs."""
        if self._metadata_items().get("google-logging-enabled") != "true":
            return ""
        return "".join(path.read_text("utf-8", "replace") for path in sorted(self.folder.glob("docker/logs/*")))

    def boot(self, powered_off: Callable[[], None]) -> None:
        """Do what the user data says.

        Args:
            powered_off: called when the machine turns itself off.
        """
        self.boots += 1
        self._going_down = False
        for fresh in ("etc", "run"):
            shutil.rmtree(self.folder / fresh, ignore_errors=True)
        (self.folder / "systemctl").unlink(missing_ok=True)
        text = self._metadata_items().get("user-data", "")
        if not text.startswith("#cloud-config\n"):
            self._world.defects.append("the user data is no cloud-config")
            return
        config = yaml.safe_load(text)
        for file in config.get("write_files", ()):
            path = self.path(file["path"])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file["content"])
            path.chmod(int(file["permissions"], 8))
        for command in config.get("runcmd", ()):
            if command[:2] == ["systemctl", "start"]:
                self._start(command[-1], powered_off)
            elif command != ["systemctl", "daemon-reload"]:
                self._world.defects.append(f"the double does not know {command}")

    def shut_down(self) -> None:
        """End as a system does that is told to: units are stopped, and killed when they take too long."""
        self._going_down = True
        process, unit = self._process, self._unit
        if process and unit and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_SLOWER * unit.stop_seconds)
            except subprocess.TimeoutExpired:
                self._world.defects.append(f"{self.name} took more than {unit.stop_seconds} s to end")
        self.kill()

    def kill(self) -> None:
        """End at once."""
        self._going_down = True
        groups = [self._process.pid] if self._process and self._process.poll() is None else []
        for file in self.folder.glob("docker/*/pid"):
            groups += [int(file.read_text() or 0)] if not file.with_name("code").exists() else []
            file.unlink()  # its number may become another process's
        for group in filter(None, groups):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        if self._process:
            self._process.wait(_PATIENCE)
        if self._watcher and self._watcher is not threading.current_thread():
            self._watcher.join(_PATIENCE)
        if self._metadata:
            self._metadata.close()

    def path(self, name: str) -> Path:
        """Return where a path of the machine lies."""
        return self.folder / name.lstrip("/")

    def _metadata_items(self) -> dict[str, str]:
        return {item["key"]: item["value"] for item in self.body.get("metadata", {}).get("items", ())}

    def _start(self, name: str, powered_off: Callable[[], None]) -> None:
        """Start a unit."""
        self._unit = unit = read_unit(self.path(f"/etc/systemd/system/{name}"))
        account = self.body["serviceAccounts"][0]["email"]
        account = self._world.account if account == "default" else account
        self._metadata = MetadataServer(lambda: self._world.token_of(account), str(self.body["id"]))
        scratch = self.path(f"/run/{unit.runtime_directory}")
        scratch.mkdir(parents=True)
        environment = {
            **unit.environment,
            "PATH": f"{self._tools()}:/usr/bin:/bin",
            "RUNTIME_DIRECTORY": str(scratch),
            **dict.fromkeys(("GCE_METADATA_HOST", "GCE_METADATA_ROOT", "GCE_METADATA_IP"), self._metadata.address),
        }
        command = [str(self.path(word)) if self.path(word).is_file() else word for word in unit.command]
        with self.log_file.open("ab") as console:
            self._process = subprocess.Popen(
                command,
                env=environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._watcher = threading.Thread(target=self._watch, args=(self._process, powered_off), daemon=True)
        self._watcher.start()

    def _watch(self, process: subprocess.Popen[bytes], powered_off: Callable[[], None]) -> None:
        process.wait()
        asked = self.folder / "systemctl"
        if asked.exists() and "poweroff" in asked.read_text() and not self._going_down:
            self.kill()
            powered_off()

    def _tools(self) -> Path:
        """Write the commands that the machine's system has."""
        tools = self.path("/usr/bin")
        tools.mkdir(parents=True, exist_ok=True)
        told = {
            "databases": self._world.databases,
            "pull_errors": self._world.pull_errors,
            "image_variables": self._world.image_variables,
            "python": sys.executable,
        }
        (self.folder / "docker.json").write_text(json.dumps(told))
        docker = f'exec {sys.executable} -I -S {_TOOL} {self.folder} "$@"'
        stubs = {name: text.format(folder=self.folder) for name, text in _STUBS.items()}
        for name, text in {**stubs, "docker": docker}.items():
            (tools / name).write_text(f"#!/bin/sh\n{text}\n")
            (tools / name).chmod(0o755)
        return tools
