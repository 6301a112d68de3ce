"""The heart of a run: a process beside the one that runs it, which says every ten seconds that its owner is alive.

A trainer that holds the interpreter for minutes stalls every thread of its process, but not this one. It imports what
it needs only when its first beat is due, so that short runs do not pay for it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from zenml.runtime.child import child_environment, read_told, when_parent_ends

if TYPE_CHECKING:
    from zenml.backends.launch import Launch


@contextmanager
def beating(launch: Launch) -> Iterator[None]:
    """Let a heart beat, while the context is open, for a run that this process owns and has begun."""
    from dataclasses import asdict

    from zenml.metadata import liveness

    told = {
        "run": launch.run_id,
        "metadata": launch.metadata.to_config(),
        "owner": asdict(liveness.this_owner()),
        "seconds": liveness.BEAT_SECONDS,
    }
    heart = subprocess.Popen(
        (sys.executable, "-m", "zenml.runtime.heart"),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=child_environment(),
    )
    try:
        with contextlib.suppress(BrokenPipeError):  # a heart that could not begin to beat stops no run
            assert heart.stdin is not None  # noqa: S101 - opened as a pipe above
            heart.stdin.write(json.dumps(told).encode() + b"\n")
            heart.stdin.flush()
        yield
    finally:
        heart.kill()
        with contextlib.suppress(BrokenPipeError):
            heart.communicate()


def main() -> int:
    """Beat for the run that standard input names, until it closes or the run is another process's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the owner decides what an interrupt means
    told = read_told()
    closed = threading.Event()
    when_parent_ends(closed.set)
    if told:
        _beat(told, closed)
    return 0


def _beat(told: Mapping[str, Any], closed: threading.Event) -> None:
    seconds = told["seconds"]
    if closed.wait(seconds):
        return
    from zenml.errors import StoreError
    from zenml.metadata.liveness import is_stopped
    from zenml.metadata.records import Owner
    from zenml.metadata.store import AttemptEnded, MetadataStore

    owner = Owner(**told["owner"])
    metadata: MetadataStore = MetadataStore.from_config(told["metadata"])
    metadata.act_for(told["run"], owner)
    while os.getppid() == owner.pid:  # a process that it forked may hold the pipe open
        if not is_stopped(owner.pid):
            try:
                metadata.beat(told["run"])
            except AttemptEnded:
                return
            except StoreError:
                pass  # the store does not answer: the next beat may reach it
        if closed.wait(seconds):
            return


if __name__ == "__main__":
    sys.exit(main())
