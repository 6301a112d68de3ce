"""A machine: really runs the user data it was launched with, in a folder of its own, until it is ended."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from aws_double.http import address, serve
from aws_double.instance_metadata import InstanceMetadata

_TOOLS = Path(__file__).parent / "tools"
_SYSTEM = ("bash", "cat", "chown", "curl", "id", "mktemp", "rm", "sleep", "sync", "tail")
_PATIENCE = 60.0

End = Callable[["Machine", str, str], None]


@dataclass
class World:
    """What machines find around them.

    Args:
        aws: address of the services.
        bad_images: images that cannot be pulled, each with what the registry says.
        with_docker: whether machines come with Docker; else it is a package.
        packages: what can be installed.
    """

    aws: str
    bad_images: dict[str, str] = field(default_factory=dict)
    with_docker: bool = True
    packages: tuple[str, ...] = ("docker", "awscli-2")


class Machine:
    """One machine.

    Args:
        identity: of the instance.
        folder: for all that is on it.
        user_data: the script.
        world: what it finds around it.
        role: of the instance.
        region: that it is in.
        hops: over how many hops its metadata is reached.
        end: called once it has ended, with the code and the message of the reason.
    """

    def __init__(
        self, identity: str, folder: Path, user_data: str, world: World, role: str, region: str, hops: int, end: End
    ) -> None:
        self.identity, self.folder, self.region = identity, folder, region
        self.user_data = user_data
        self.metadata = InstanceMetadata(role)
        self._end = end
        self._ending = threading.Lock()
        self._reason: tuple[str, str] | None = None
        self.over = threading.Event()
        self._prepare(world, hops)
        self._server = serve(self.metadata.respond)
        environment = {
            "PATH": str(folder / "bin"),
            "TMPDIR": str(folder / "tmp"),
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": address(self._server),
            "AWS_ENDPOINT_URL": world.aws,
            "DOUBLE_MACHINE": str(folder),
        }
        with (folder / "console").open("ab") as console:
            self._script = subprocess.Popen(
                [str(folder / "user-data")],
                env=environment,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        threading.Thread(target=self._watch, daemon=True).start()

    def _prepare(self, world: World, hops: int) -> None:
        for name in ("bin", "tmp", "packages"):
            (self.folder / name).mkdir(parents=True)
        for name in _SYSTEM:
            found = shutil.which(name)
            assert found, f"{name} is not installed"
            (self.folder / "bin" / name).symlink_to(found)
        (self.folder / "bin" / "python3").symlink_to(sys.executable)
        tools = dict.fromkeys(("dnf", "systemctl", "shutdown"), _TOOLS / "system.py")
        packages = {"docker": "docker", "awscli-2": "aws"}
        for package in world.packages:
            (self.folder / "packages" / package).mkdir()
            _install(self.folder / "packages" / package / packages[package], _TOOLS / f"{packages[package]}.py")
        if world.with_docker:
            tools |= {"docker": _TOOLS / "docker.py", "aws": _TOOLS / "aws.py"}
        for name, source in tools.items():
            _install(self.folder / "bin" / name, source)
        (self.folder / "told.json").write_text(json.dumps({"bad_images": world.bad_images, "hops": hops}))
        (self.folder / "user-data").write_text(self.user_data)
        (self.folder / "user-data").chmod(0o700)

    @property
    def console(self) -> str:
        """What was written to its console."""
        return (self.folder / "console").read_text(errors="replace")

    @property
    def calls(self) -> list[str]:
        """The commands of the fake tools that were run, oldest first."""
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def container(self) -> Path:
        """The folder of the run's container."""
        return self.folder / "docker" / "containers" / "zenml"

    def processes(self) -> list[int]:
        """Return all processes of the machine."""
        mark, found = f"DOUBLE_MACHINE={self.folder}\0".encode(), []
        for path in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if mark in path.read_bytes() + b"\0":
                    found.append(int(path.parent.name))
        return found

    def terminate(self, code: str, message: str, grace: float = 30.0) -> None:
        """End it as EC2 does: the system stops its services, which are given a while."""
        self._reason = code, message

        def work() -> None:
            self._signal(self._script.pid, signal.SIGTERM)
            with contextlib.suppress(OSError, ValueError):  # Docker is a service of its own
                self._signal(int((self.container / "pid").read_text()), signal.SIGTERM)
            until = time.monotonic() + grace
            while not (self.folder / "off").exists() and time.monotonic() < until and self._script.poll() is None:
                time.sleep(0.02)
            self.cut(code, message)

        threading.Thread(target=work, daemon=True).start()

    def take_away(self) -> None:
        """Announce that the machine is taken away, and take it once its container has ended."""
        self.metadata.spot_action = True

        def work() -> None:
            until = time.monotonic() + _PATIENCE
            while "zenml-report: preempted" not in self.console and time.monotonic() < until and not self.over.is_set():
                time.sleep(0.02)
            self.cut("Server.SpotInstanceTermination", "Server.SpotInstanceTermination: Spot instance termination")

        threading.Thread(target=work, daemon=True).start()

    def cut(self, code: str, message: str) -> None:
        """End it at once."""
        with self._ending:
            if self.over.is_set():
                return
            while processes := self.processes():
                for pid in processes:
                    self._signal(pid, signal.SIGKILL)
                time.sleep(0.01)
            self._script.wait()
            self._server.shutdown()
            self._server.server_close()
            self._end(self, *(self._reason or (code, message)))
            self.over.set()

    def _watch(self) -> None:
        """End it when it is shut down from inside."""
        while not self.over.wait(0.05):
            if (self.folder / "off").exists():
                code = "Client.InstanceInitiatedShutdown"
                self.cut(code, f"{code}: Instance initiated shutdown")

    @staticmethod
    def _signal(pid: int, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _install(path: Path, source: Path) -> None:
    path.write_text(f"#!{sys.executable} -IS\n{source.read_text()}")
    path.chmod(0o755)
