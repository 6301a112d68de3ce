"""FreshMachinesBackend: trains in processes that share nothing with this one but an artifact store."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import time
from contextlib import ExitStack
from dataclasses import asdict
from typing import ClassVar

from pydantic import Field

from zenml.artifacts.store import ArtifactStore
from zenml.errors import ZenMLError
from zenml.metadata.liveness import is_alive, owner
from zenml.metadata.records import Owner, State
from zenml.runtime.canceling import PreemptedError
from zenml.runtime.remote_job import RemoteRun
from zenml.runtime.remote_shards import RemoteShards
from zenml.runtime.remote_training import RemoteTrainingBackend
from zenml.testing.fresh_process import FreshProcess

_LOOK_SECONDS = 0.05
_JOBS = "jobs"


class FreshMachinesBackend(RemoteTrainingBackend):
    """Train in fresh processes, each in an empty folder: the honest rehearsal of a service for training.

    They go on when the process that started them is killed, and are found again by another one.

    Args:
        staging_location: path or URL of the folder in which jobs are staged.
        machine_count: how many machines train together.
        process_count: how many processes train on each.
        max_restarts: how often machines that were lost are started again.
        environment: variables of the machines.
    """

    FINGERPRINTED: ClassVar[tuple[str, ...]] = ("machine_count", "process_count")

    staging_location: str
    machine_count: int = Field(default=1, ge=1)
    process_count: int = Field(default=1, ge=1)
    max_restarts: int = Field(default=0, ge=0)
    environment: dict[str, str] = Field(default_factory=dict)

    @property
    def staging(self) -> ArtifactStore:
        """The store at the staging location."""
        return ArtifactStore(self.staging_location)

    def machines(self) -> int:
        """Say on how many machines to train."""
        return self.machine_count

    def processes(self) -> int:
        """Say how many processes train on each machine."""
        return self.process_count

    def work(self, shards: RemoteShards) -> None:
        """Start the machines, where none are there, and wait for what they answer."""
        key = f"{_JOBS}/{shards.run_id}/{shards.id}.json"
        try:
            with ExitStack() as stack:
                for _ in range(self.max_restarts + 1):
                    found = any(map(_lives, self._owners(key)))
                    started = [] if found else self._start(key, shards, stack)
                    if self._watch(key, shards):
                        break
                    said = "; ".join(machine.wait() for machine in started)
                else:
                    raise ZenMLError(f"the machines were lost: {said}", shards.job.label)
        except PreemptedError:
            raise
        except BaseException:
            self.end_jobs(shards.run_id)
            raise
        self.staging.remove(key)

    def list_jobs(self) -> list[RemoteRun]:
        """Return the runs whose machines are remembered."""
        found = {key: any(map(_lives, self._owners(key))) for key in self.staging.list(_JOBS)}
        states = {key: State.RUNNING if lives else State.LOST for key, lives in found.items()}
        return [RemoteRun(key.split("/")[1], "", state, (key,)) for key, state in states.items()]

    def end_jobs(self, run_id: str) -> None:
        """Kill the machines of a run."""
        for key in self.staging.list(f"{_JOBS}/{run_id}"):
            for each in filter(_lives, self._owners(key)):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(each.pid, signal.SIGKILL)
        self.staging.remove(f"{_JOBS}/{run_id}")

    def _start(self, key: str, shards: RemoteShards, stack: ExitStack) -> list[FreshProcess]:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            master = f"127.0.0.1:{found.getsockname()[1]}"
        environment = {**self.environment, **shards.environment}
        command = ["-m", "zenml.entrypoint", "train", "--job", shards.uri]
        several = [["--machine", str(number), "--master", master] for number in range(self.machine_count)]
        started = [FreshProcess([*command, *(each if several[1:] else [])], environment) for each in several]
        self.staging.write_bytes(key, json.dumps([asdict(owner(machine.pid)) for machine in started]).encode())
        return [stack.enter_context(machine) for machine in started]

    def _watch(self, key: str, shards: RemoteShards) -> bool:
        """Wait until all machines have answered; say whether they have, or are gone."""
        owners = self._owners(key)
        while True:
            lives = any(map(_lives, owners))
            shards.look()
            if not shards.waiting:
                return True
            if not lives:
                return False
            time.sleep(_LOOK_SECONDS)

    def _owners(self, key: str) -> list[Owner]:
        return [Owner(**row) for row in json.loads(self.staging.read_bytes(key))] if self.staging.has(key) else []


def _lives(machine: Owner) -> bool:
    return is_alive(machine) is True
