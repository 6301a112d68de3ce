"""TrainShard: what one machine does of a training that was sent elsewhere: it starts the processes that train."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from signal import SIGTERM
from typing import Any

from zenml.artifacts.handed_over import store_at
from zenml.data.answers import decode_error
from zenml.data.shards import ShardOp, State, atomic_file
from zenml.errors import ZenMLError
from zenml.runtime.child import child_environment
from zenml.runtime.tells import OUTPUT, TellWriter
from zenml.runtime.training_work import ANSWER_FILE, EVENTS_FILE, JOB_FILE, pass_on
from zenml.runtime.worker_pool import how_it_ended

_LOOK_SECONDS = 0.2
_PATIENCE_SECONDS = 30.0
"""How long the other processes may take to end after one has failed, and tell of an error of their own."""


class MachineLostError(BaseException):
    """A machine is to stop, or one of several processes was killed: no answer, for the training can go on."""


class TrainShard(ShardOp):
    """Runs `python -m zenml.entrypoint train --job FILE` on one machine, once or as several processes.

    Its params: `job` as of `TrainingWork.describe`, without paths; `store`, `tells` and `checkpoints`, the path of the
    staging location and keys in it; `machines` and `processes`, how many of either. A shard holds the number of its
    `machine`, and the paths of the `inputs` and, on the first machine, the `outputs` in the order of the job's.
    """

    READS = ("inputs",)
    WRITES = ("outputs",)

    def work(self, shard: Mapping[str, Any]) -> State:
        """Train, and return what was made: its properties and metrics; nothing where this is not the first machine."""
        machine = int(shard["machine"])
        store = store_at(self.params["store"])
        writer = TellWriter(store, self.params["tells"], machine)
        scratch = Path(tempfile.mkdtemp(prefix="zenml-training-"))
        try:
            job = self._job(shard, scratch, store.below(self.params["checkpoints"]).to_config())
            with atomic_file(scratch / JOB_FILE) as file:
                file.write(json.dumps(job).encode())
            with _told(scratch / EVENTS_FILE, writer):
                return self._run(machine, scratch, writer)
        finally:
            writer.flush()
            shutil.rmtree(scratch, ignore_errors=True)

    def _job(self, shard: Mapping[str, Any], scratch: Path, checkpoints: Mapping[str, Any]) -> dict[str, Any]:
        job: dict[str, Any] = self.params["job"]
        inputs = {
            name: {**row, "path": path}
            for (name, row), path in zip(job["inputs"].items(), shard["inputs"], strict=True)
        }
        outputs = {}
        for name, path in zip(job["outputs"], shard["outputs"] or [None] * len(job["outputs"]), strict=True):
            outputs[name] = path or str(scratch / "outputs" / name)
            Path(outputs[name]).mkdir(parents=True, exist_ok=True)
        return {
            **job,
            "inputs": inputs,
            "outputs": outputs,
            "scratch": str(scratch / "scratch"),
            "checkpoints": {**job["checkpoints"], "store": checkpoints},
        }

    def _run(self, machine: int, scratch: Path, writer: TellWriter) -> State:
        processes = int(self.params["processes"])
        alone = processes * int(self.params["machines"]) == 1
        running = [
            subprocess.Popen(
                [sys.executable, "-m", "zenml.entrypoint", "train", "--job", str(scratch / JOB_FILE)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={**child_environment(), "PYTHONUNBUFFERED": "1", **variables},
            )
            for variables in ([{}] if alone else self._places(machine, processes))
        ]
        pumps = [threading.Thread(target=_pump, args=(process, writer), daemon=True) for process in running]
        for pump in pumps:
            pump.start()
        try:
            codes = _wait(running)
        finally:
            for process in running:
                process.kill()
                process.wait()
            for pump in pumps:
                pump.join(_PATIENCE_SECONDS)
        return self._answer(scratch / ANSWER_FILE, codes, alone)

    def _places(self, machine: int, processes: int) -> list[dict[str, str]]:
        """Return the variables by which the processes of this machine find the others."""
        meeting = {name: os.environ[name] for name in ("MASTER_ADDR", "MASTER_PORT") if name in os.environ}
        meeting = meeting or {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port())}
        world = processes * int(self.params["machines"])
        return [
            {**meeting, "RANK": str(rank), "LOCAL_RANK": str(local), "WORLD_SIZE": str(world)}
            for local in range(processes)
            for rank in [machine * processes + local]
        ]

    def _answer(self, file: Path, codes: list[int], alone: bool) -> State:
        if file.exists():
            found: State = json.loads(file.read_bytes())
            if "error" in found:
                raise decode_error(json.dumps(found["error"]).encode())
            return found
        failed = next((code for code in codes if code), 0)
        if failed == -SIGTERM or (failed and not alone):
            raise MachineLostError(how_it_ended("a process of the training", failed))
        if failed:
            raise ZenMLError(how_it_ended("the training", failed), f"step {self.params['job']['id']}")
        return {}


def _wait(running: list[subprocess.Popen[bytes]]) -> list[int]:
    """Return the exit codes of processes; where one fails, the others may take a moment to tell why, and are killed."""
    late = False
    while True:
        codes = [process.poll() for process in running]
        if all(code is not None for code in codes) or late:
            return [code or 0 for code in codes]
        late = any(codes)
        for process, code in zip(running, codes, strict=True):
            if code is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_PATIENCE_SECONDS if late else _LOOK_SECONDS)


def _pump(process: subprocess.Popen[bytes], writer: TellWriter) -> None:
    """Tell what a process prints."""
    assert process.stdout is not None  # noqa: S101 - opened as a pipe
    with process.stdout:
        for line in process.stdout:
            writer.tell(OUTPUT, line.decode(errors="replace"))
            sys.stderr.buffer.write(line)  # what the platform keeps of it
            sys.stderr.buffer.flush()


@contextmanager
def _told(events: Path, writer: TellWriter) -> Iterator[None]:
    """Tell what the first process writes to its file of events, while the context is open and once more at its end."""
    done = threading.Event()

    def follow() -> None:
        position, last = 0, False
        while not last:
            last = done.wait(_LOOK_SECONDS)
            position = pass_on(events, position, writer.tell)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
