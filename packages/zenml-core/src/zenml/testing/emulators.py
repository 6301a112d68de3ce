"""Emulators: servers on the loopback that stand for S3 and Cloud Storage in tests.

Each is a process of its own and serves until the context ends; its buckets are empty at first. What it needs is
imported when it is started: `moto[server]` with `boto3`, and `gcp-storage-emulator`.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

_WAIT = 60.0

_S3 = """
import logging, sys
from moto.server import ThreadedMotoServer
logging.disable(logging.CRITICAL)
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""

_GCS = """
import logging, sys
from gcp_storage_emulator.server import create_server
logging.disable(logging.CRITICAL)
server = create_server("127.0.0.1", 0, in_memory=True)
server.start()
print(server._api._httpd.server_address[1], flush=True)
sys.stdin.read()
"""


_led_to: list[str] = []
"""Where `lead_to_s3` led last."""


@contextlib.contextmanager
def s3_emulator() -> Iterator[str]:
    """Give the address of an S3 service that takes any credentials; `make_s3_bucket` makes a bucket in it."""
    with _served(_S3) as port:
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def gcs_emulator() -> Iterator[str]:
    """Give the address of a Cloud Storage service that asks for no credentials."""
    with _served(_GCS) as port:
        yield f"http://127.0.0.1:{port}"


def make_s3_bucket(endpoint: str, name: str) -> None:
    """Make a bucket in an emulator of S3."""
    request = urllib.request.Request(  # noqa: S310 - an address of the loopback
        f"{endpoint}/{name}", data=b"", method="PUT", headers={"Content-Type": "application/xml"}
    )
    urllib.request.urlopen(request, timeout=_WAIT).close()  # noqa: S310 - see above


def lead_to_s3(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Let what looks for S3 find it at an address, in this process and in those that it starts.

    s3fs keeps its connections, and looks no more where they lead to; those of before are forgotten.
    """
    from fsspec import get_filesystem_class

    if _led_to != [address]:
        get_filesystem_class("s3").clear_instance_cache()
        _led_to[:] = [address]
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", address)


def make_gcs_bucket(endpoint: str, name: str) -> None:
    """Make a bucket in an emulator of Cloud Storage."""
    request = urllib.request.Request(  # noqa: S310 - an address of the loopback
        f"{endpoint}/storage/v1/b?project=test",
        data=json.dumps({"name": name}).encode(),
        headers={"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=_WAIT).close()  # noqa: S310 - see above


@contextlib.contextmanager
def _served(program: str) -> Iterator[int]:
    """Run a server that prints its port and ends with its standard input."""
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"},
    ) as process:
        try:
            if process.stdout is None or not select.select([process.stdout], [], [], _WAIT)[0]:
                raise TimeoutError(f"the emulator did not start within {_WAIT:.0f} seconds")
            line = process.stdout.readline()
            if not line:
                raise RuntimeError("the emulator cannot be started: is its package installed?")
            yield int(line)
        finally:
            process.kill()
