"""Kills a process that publishes an artifact behind a URL, before its first request, its second, and so on.

`publish_and_kill` starts this module as a program of its own; each attempt in it is a forked child.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from itertools import count
from typing import Any

from zenml.artifacts.store import ArtifactStore
from zenml.artifacts.types import Examples
from zenml.spec.model import ComponentSpec

FINGERPRINT = "f00d"
MOST = 200


def publish_and_kill(
    store: ArtifactStore, sizes: dict[str, int], patches: dict[str, Any] | None = None, first: int = 1
) -> int:
    """Publish an artifact again and again, killing the process one request later each time, until one ends.

    Attempt `r<number>-1` is killed before its request of that number; the last attempt is not killed.

    Args:
        store: one whose requests go through aiohttp, and whose config holds no literal secret.
        sizes: size by name of the files to publish.
        patches: attributes of the store's transport to set.
        first: the number of the first request to die before.

    Returns:
        The number of the attempt that ended.
    """
    block = {"store": store.to_config(), "sizes": sizes, "patches": patches or {}, "first": first}
    command = [sys.executable, "-W", "ignore", "-m", "zenml.testing.killed_publishing", json.dumps(block)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return int(done.stdout)


def main(text: str) -> int:
    """Fork one child for each attempt; print the number of the one that ended."""
    block = json.loads(text)
    store = ArtifactStore.from_spec(ComponentSpec(**block["store"]))
    store.open_transport()  # imports what the children need
    for number in count(block["first"]):
        child = os.fork()
        if child == 0:
            _publish(store, number, block["sizes"], block["patches"])
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status == 0:
            sys.stdout.write(f"{number}\n")
            return 0
        if not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL) or number == MOST:
            return 1
    return 1


def _publish(store: ArtifactStore, number: int, sizes: dict[str, int], patches: dict[str, Any]) -> None:
    import aiohttp

    real: Any = aiohttp.ClientSession._request  # noqa: SLF001 - every request comes through here
    requests = count(1)

    async def counted(session: Any, *arguments: Any, **named: Any) -> Any:
        if next(requests) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return await real(session, *arguments, **named)

    aiohttp.ClientSession._request = counted  # type: ignore[assignment,method-assign] # noqa: SLF001 - as above
    for name, value in patches.items():
        setattr(store.transport, name, value)
    new = store.new(Examples, FINGERPRINT, f"r{number}-1")
    for name, size in sizes.items():
        (new.path / name).write_bytes(os.urandom(size))
    store.publish(new)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
