"""TrainingWork: a trainer step that is ready to run, here or in processes that a training backend starts."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from zenml.data.answers import decode_error
from zenml.data.shards import atomic_file
from zenml.errors import ConfigError, ZenMLError
from zenml.runtime.child import child_environment
from zenml.runtime.live import is_live, live_reason
from zenml.runtime.told import Told
from zenml.runtime.worker_pool import how_it_ended
from zenml.steps.base import Step, StepContext

JOB_FILE, EVENTS_FILE, ANSWER_FILE = "job.json", "events.jsonl", "answer.json"

_LOOK_SECONDS = 0.1
_LAST_SECONDS = 15.0
"""How long processes that are asked to stop may take."""


@dataclass(frozen=True)
class TrainingWork:
    """What a training backend's `train` is given: call it to train in this process.

    Args:
        id: the step's id.
        step: the trainer.
        context: what it may touch.
    """

    id: str
    step: Step
    context: StepContext

    def __call__(self) -> None:
        """Run the step in this process."""
        self.step.run(self.context)

    def describe(self) -> dict[str, Any]:
        """Return in JSON types what `python -m zenml.entrypoint train` runs the step by.

        Raises:
            ConfigError: the step's class can only be used in this process.
        """
        if is_live(type(self.step)):
            raise ConfigError(live_reason(self.id, self.step))
        context = self.context
        if context.checkpoints is None:
            raise ConfigError("a step that is run by itself trains in its own process", type(self.step).__name__)
        return {
            "id": self.id,
            "step": self.step.to_config(),
            "inputs": {
                name: {
                    "type": artifact.type,
                    "uri": artifact.uri,
                    "digest": artifact.digest,
                    "path": str(artifact.path.absolute()),
                    "properties": artifact.properties,
                }
                for name, artifact in context.inputs.items()
            },
            "outputs": {name: str(artifact.path.absolute()) for name, artifact in context.outputs.items()},
            "seed": context.seed,
            "scratch": str(context.scratch.absolute()),
            "checkpoints": context.checkpoints.to_json(),
            "placement": asdict(context.placement),
        }

    def write_job(self, folder: Path) -> Path:
        """Write what `python -m zenml.entrypoint train --job FILE` runs the step by; return that file.

        Each process that trains together is started so, and finds its number in `RANK`, `LOCAL_RANK` and `WORLD_SIZE`.

        Raises:
            ConfigError: the step's class can only be used in this process.
        """
        described = json.dumps(self.describe()).encode()
        with atomic_file(folder / JOB_FILE) as file:
            file.write(described)
        return folder / JOB_FILE

    def take(self, found: Mapping[str, Any]) -> None:
        """Take what the processes made: the properties of the outputs, and the metrics."""
        for name, properties in found["properties"].items():
            self.context.outputs[name].properties.update(properties)
        self.context.metrics.update(found["metrics"])

    def run_in(self, command: Callable[[Path], Sequence[str]]) -> None:
        """Train in processes that a command starts and ends; what they print and report appears here.

        Args:
            command: given the job's file, the command. It ends when its standard input closes.

        Raises:
            ZenMLError: what the training raised, or how the processes ended.
        """
        folder = self.context.scratch / "training"
        folder.mkdir(parents=True)
        job = self.write_job(folder)
        process = subprocess.Popen(
            command(job),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**child_environment(), "PYTHONUNBUFFERED": "1"},
        )
        pump = threading.Thread(target=_pump, args=(process.stdout,), daemon=True)
        pump.start()
        try:
            with ExitStack() as bars:
                self._follow(process, folder / EVENTS_FILE, Told(self.context, bars))
        finally:
            _end(process)
            pump.join(_LAST_SECONDS)
        self._take(folder / ANSWER_FILE, process.returncode)

    def _follow(self, process: subprocess.Popen[bytes], events: Path, told: Told) -> None:
        """Pass on what the processes tell until they have ended."""
        position, ended = 0, False
        while not ended:
            try:
                process.wait(_LOOK_SECONDS)
                ended = True  # and what it told last is still to be read
            except subprocess.TimeoutExpired:
                pass
            position = pass_on(events, position, told)

    def _take(self, answer: Path, code: int) -> None:
        if not answer.exists():
            raise ZenMLError(how_it_ended("the training", code), f"step {self.id}")
        found: dict[str, Any] = json.loads(answer.read_bytes())
        if "error" in found:
            raise decode_error(json.dumps(found["error"]).encode())
        if code:
            raise ZenMLError(how_it_ended("the training", code), f"step {self.id}")
        self.take(found)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let a process end whose standard input closes."""
    assert process.stdin is not None  # noqa: S101 - opened as a pipe
    process.stdin.close()
    try:
        process.wait(_LAST_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _pump(pipe: IO[bytes] | None) -> None:
    """Write what the processes print to standard output, and so to the step's log."""
    assert pipe is not None  # noqa: S101 - opened as a pipe
    with pipe:
        for line in pipe:
            sys.stdout.write(line.decode(errors="replace"))
            sys.stdout.flush()


def pass_on(events: Path, position: int, told: Callable[[str, Any], None]) -> int:
    """Pass on what stands in a file of events behind a position.

    Args:
        events: the file, which may not be there yet; its last line may not be whole yet.
        position: in bytes.
        told: takes each kind and value.

    Returns:
        the position behind what was passed on.
    """
    if events.exists():
        with events.open("rb") as file:
            file.seek(position)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                position += len(line)
                told(*json.loads(line))
    return position
