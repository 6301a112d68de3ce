"""HostileProcessingBackend: an engine that does all that an engine may do, so that no result depends on it."""

from __future__ import annotations

import json
import os
import random
import struct
import subprocess
import sys
from collections.abc import Sequence
from typing import IO

from zenml.backends.interfaces import ProcessingBackend
from zenml.data.shards import ShardJob

_FOREIGN = """
import json, os, struct, sys
from zenml.data.shards import ShardJob
out = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)  # what an operation prints must not end up among the messages
job = ShardJob.from_json(sys.stdin.readline()).open()
out.write(b"+")
out.flush()
for number in json.loads(sys.stdin.readline()):
    message = job.work(number)
    out.write(struct.pack("<Q", len(message)) + message)
    out.flush()
"""


class HostileProcessingBackend(ProcessingBackend):
    """Work on shards in a random order, some of them many times, in this and in several fresh processes at once.

    One more process is killed while it works, its messages are lost, and its shards are given to others. Messages
    come back shuffled and repeated. A step that gives other bytes here than in process breaks the rules of shard jobs.

    Args:
        seed: for the disorder.
        processes: fresh interpreters that work at the same time.
    """

    seed: int = 0
    processes: int = 2

    def map(self, job: ShardJob) -> list[bytes]:
        """Work on all shards; every operation's error reaches the caller."""
        chance = random.Random(self.seed)  # noqa: S311 - disorder, no secret
        numbers = [*range(len(job.shards))]
        killed = _start(job, chance.sample(numbers, k=min(2, len(numbers))))
        tasks = numbers + chance.choices(numbers, k=len(numbers) // 2 + 1) if numbers else []
        chance.shuffle(tasks)
        parts = [tasks[place :: self.processes + 1] for place in range(self.processes + 1)]
        foreign = [_start(job, part) for part in parts[1:]]
        try:
            _kill(killed)
            opened = job.open()
            messages = [opened.work(number) for number in parts[0]]
            for process, part in zip(foreign, parts[1:], strict=True):
                received = _finish(process)
                messages += received
                messages += [opened.work(number) for number in part[len(received) :]]
        finally:
            for process in foreign:
                _end(process)
        messages += messages[: len(messages) // 2]
        chance.shuffle(messages)
        return messages


def _start(job: ShardJob, numbers: Sequence[int]) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen(
        [sys.executable, "-c", _FOREIGN],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    stdin = _pipe(process.stdin)
    try:
        stdin.write(f"{job.to_json()}\n{json.dumps(list(numbers))}\n".encode())
        stdin.close()
    except BrokenPipeError:
        pass  # It failed at once; its shards are worked on here, where its error shows.
    return process


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process once it has opened its job, so that it dies at work."""
    _pipe(process.stdout).read(1)
    _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing of a process, whether or not it has ended."""
    process.kill()
    _pipe(process.stdout).close()
    process.wait()


def _finish(process: subprocess.Popen[bytes]) -> list[bytes]:
    """Return the whole messages of a process, once it has ended."""
    stdout = _pipe(process.stdout)
    stdout.read(1)
    messages = []
    while len(head := stdout.read(8)) == 8:
        (size,) = struct.unpack("<Q", head)
        message = stdout.read(size)
        if len(message) == size:
            messages.append(message)
    return messages


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # noqa: S101 - tells the type checker what PIPE promises
    return pipe
