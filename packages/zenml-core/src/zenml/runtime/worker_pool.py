"""WorkerPool: processes of the local engine, kept for the next job and replaced when they die."""

from __future__ import annotations

import atexit
import json
import os
import queue
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from zenml.data.answers import is_error, message_of
from zenml.data.shards import ShardJob
from zenml.errors import ZenMLError
from zenml.secrets import place

_ATTEMPTS = 3
_SINGLE_THREADED = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class WorkerDiedError(ZenMLError):
    """A worker process ended in the middle of a shard."""


class _Worker:
    """One process, and the job that it has open.

    Args:
        threads: how many threads Arrow and BLAS may use in it.
        path: its import path.
        secrets: variables that tell it where secrets are kept.
    """

    def __init__(self, threads: int, path: str, secrets: Mapping[str, str]) -> None:
        self.setting = (threads, path, secrets)
        self._job: ShardJob | None = None
        single = dict.fromkeys(_SINGLE_THREADED, str(threads))
        environment = {
            **os.environ,
            **secrets,
            **single,
            "PYTHONPATH": path,
            "PYTHONSAFEPATH": "1",
            "ZENML_WORKER_THREADS": str(threads),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "zenml.runtime.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )

    def work(self, job: ShardJob, number: int) -> bytes:
        """Work on one shard and return the message.

        Raises:
            WorkerDiedError: the process ended.
            ZenMLError: what the operation raised.
        """
        requests = b""
        if self._job is not job:
            requests = b'{"job":' + job.to_json().encode() + b"}\n"
            self._job = job
        requests += json.dumps({"shard": number}).encode() + b"\n"
        assert self._process.stdin is not None  # noqa: S101 - opened as a pipe above
        assert self._process.stdout is not None  # noqa: S101 - opened as a pipe above
        try:
            self._process.stdin.write(requests)
            self._process.stdin.flush()
            head = self._process.stdout.read(8)
            answer = self._process.stdout.read(struct.unpack("<Q", head)[0]) if len(head) == 8 else b""
        except (BrokenPipeError, ValueError):
            answer = b""
        if not answer:
            raise WorkerDiedError(how_it_ended("a worker process", self._process.wait()))
        if is_error(answer):
            self._job = None  # opened anew for its next shard, in case that opening it is what failed
        return message_of(answer)

    def kill(self) -> None:
        """Kill the process; whoever waits for its answer gets a WorkerDiedError."""
        self._process.kill()

    def end(self, *, kill: bool = False) -> None:
        """End the process: it goes when its pipe closes."""
        if kill:
            self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue  # the process has gone already, and so has what was not yet written
        self._process.wait()


class WorkerPool:
    """Worker processes, made when needed and kept for the next job until `close`."""

    def __init__(self) -> None:
        self._idle: list[_Worker] = []
        self._busy: set[_Worker] = set()
        self._lock = threading.Lock()
        atexit.register(self.close)

    def map(self, job: ShardJob, workers: int) -> list[bytes]:
        """Work on all shards of a job with so many processes; return the messages in the order of their ends.

        A shard whose worker died is tried again on another, three times in all.

        Raises:
            ZenMLError: what an operation raised first; the other shards are given up.
        """
        shards: queue.SimpleQueue[int] = queue.SimpleQueue()
        for number in range(len(job.shards)):
            shards.put(number)
        messages: list[bytes] = []
        failures: list[BaseException] = []
        threads_each = max(1, available_cores() // workers)
        secrets = place.environment()

        def serve() -> None:
            worker: _Worker | None = None
            try:
                while not failures:
                    number = shards.get_nowait()
                    for attempt in range(1, _ATTEMPTS + 1):
                        worker = worker or self._take(threads_each, secrets)
                        try:
                            messages.append(worker.work(job, number))
                            break
                        except WorkerDiedError as error:
                            self._give_up(worker)
                            worker = None
                            if attempt == _ATTEMPTS or failures:
                                raise WorkerDiedError(
                                    f"{error}, {_ATTEMPTS} times over",
                                    f"{job.label or job.op}, shard {number}",
                                    "If memory is short, use fewer workers: ProcessingBaseBackend(workers=1)",
                                ) from None
            except queue.Empty:
                pass
            except BaseException as error:  # noqa: BLE001 - handed to the caller's thread below
                failures.append(error)
            if worker:
                with self._lock:
                    self._busy.discard(worker)
                    self._idle.append(worker)

        threads = [threading.Thread(target=serve, daemon=True) for _ in range(workers)]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        except BaseException:
            failures.append(KeyboardInterrupt())
            with self._lock:
                for worker in self._busy:
                    worker.kill()
            for thread in threads:
                thread.join()
            self.close(kill=True)
            raise
        if failures:
            raise failures[0]
        return messages

    def close(self, *, kill: bool = False) -> None:
        """End all idle workers."""
        with self._lock:
            workers, self._idle = self._idle, []
        for worker in workers:
            worker.end(kill=kill)

    def _take(self, threads: int, secrets: Mapping[str, str]) -> _Worker:
        """Return an idle worker that imports, and finds secrets, where this process does now, or a new one."""
        path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
        setting = (threads, path, secrets)
        with self._lock:
            worker = next((idle for idle in self._idle if idle.setting == setting), None)
            if worker:
                self._idle.remove(worker)
            worker = worker or _Worker(*setting)
            self._busy.add(worker)
            return worker

    def _give_up(self, worker: _Worker) -> None:
        with self._lock:
            self._busy.discard(worker)
        worker.end()


POOL = WorkerPool()
"""The process's one pool; the executor closes it when a run ends."""


def available_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def how_it_ended(what: str, status: int) -> str:
    """Return in words how a process ended whose exit status is given; negative for a signal."""
    if status < 0:
        name = signal.Signals(-status).name
        return f"{what} was ended by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")
    return f"{what} ended with exit code {status}"
