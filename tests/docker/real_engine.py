"""A real Docker engine, started by hand, whose containers see this machine's Python at its own paths."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from zenml_docker.backend import OrchestratorDockerBackend

if TYPE_CHECKING:
    from docker import DockerClient

IMAGE = "zenml/test:1"
"""An image without files; what it runs is mounted."""

_SECONDS = 60
_ROOT = Path(__file__).parents[2]


@dataclass
class RealEngine:
    """A running engine.

    Args:
        address: where it listens.
        image: an image whose containers can run ZenML.
        mounts: what they need of this machine for that.
        python: their interpreter.
    """

    address: str
    image: str
    mounts: tuple[str, ...]
    python: str

    def backend(self, **fields: Any) -> OrchestratorDockerBackend:
        """Return a backend that uses it."""
        mounts = [*self.mounts, *fields.pop("mounts", ())]
        own = {"engine": self.address, "image": self.image, "python": self.python, "mounts": mounts}
        return OrchestratorDockerBackend(**{**own, **fields})


@contextlib.contextmanager
def real_engine() -> Iterator[RealEngine]:
    """Run an engine until the context ends, or skip the test with its own words where it does not start.

    The variable `ZENML_TEST_IMAGE` names an archive (docker save) of an image to use instead of an empty one.
    """
    program = shutil.which("dockerd") or shutil.which("dockerd", path="/usr/sbin:/sbin")
    if program is None:
        pytest.skip("dockerd is not installed: apt-get install docker.io")
    folder = Path(tempfile.mkdtemp(prefix="zenml-dockerd-"))  # not pytest's: a socket's path has at most 107 bytes
    address, log = f"unix://{folder}/docker.sock", folder / "log"
    until_this_ends = ["setpriv", "--pdeathsig=TERM"] if shutil.which("setpriv") else []
    command = [
        *until_this_ends,
        program,
        "--iptables=false",
        "--bridge=none",
        f"--host={address}",
        f"--data-root={folder}/data",
    ]
    command += [f"--exec-root={folder}/exec", f"--pidfile={folder}/pid", f"--config-file={folder}/none"]
    (folder / "none").write_text("{}")
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        client = _connected(address, process, log)
        try:
            yield _prepared(client, address)
        finally:
            for container in client.containers.list(all=True):
                container.remove(force=True, v=True)
            client.close()
    finally:
        process.terminate()
        process.wait()
        subprocess.run(["umount", f"{folder}/exec/netns/default"], capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


def _connected(address: str, process: subprocess.Popen[bytes], log: Path) -> DockerClient:
    import docker

    until = time.monotonic() + _SECONDS
    while process.poll() is None and time.monotonic() < until:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.connect(address.removeprefix("unix://"))
            return docker.DockerClient(base_url=address, version="auto")
        time.sleep(0.1)
    text = log.read_text(errors="replace").strip()
    refusals = re.findall(r"(?:level=(?:fatal|error).*|^(?!time=).*(?:fail|root|denied).*)", text, re.MULTILINE)
    pytest.skip(f"the Docker engine does not start: {(refusals or text.splitlines() or ['it says nothing'])[-1]}")


def _prepared(client: DockerClient, address: str) -> RealEngine:
    """Give the engine an image, and return how to use it."""
    archive = os.environ.get("ZENML_TEST_IMAGE")
    if archive:
        with Path(archive).open("rb") as stream:
            (image,) = client.images.load(stream)
        return RealEngine(address, image.tags[0], (), "python")
    files = io.BytesIO()
    with tarfile.open(fileobj=files, mode="w") as tar:
        scratch = tarfile.TarInfo("tmp")
        scratch.type, scratch.mode = tarfile.DIRTYPE, 0o1777
        tar.addfile(scratch)
    client.api.import_image_from_data(files.getvalue(), repository=IMAGE.partition(":")[0], tag=IMAGE.partition(":")[2])
    folders = {Path(name) for name in ("/usr", "/bin", "/lib", "/lib64", "/etc", sys.prefix, sys.base_prefix, _ROOT)}
    mounts = [path for path in sorted(folders) if path.exists() and not folders.intersection(path.parents)]
    return RealEngine(address, IMAGE, tuple(f"{path}:ro" for path in mounts), sys.executable)
