"""TrainingTorchrunBackend: trains with PyTorch in several processes, on its elastic launcher."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from zenml.backends.interfaces import TrainingBackend
from zenml.backends.placement import Device, Placement, Precision
from zenml.errors import ConfigError, Problem
from zenml.runtime.training_work import TrainingWork


class TrainingTorchrunBackend(TrainingBackend):
    """Run a PyTorch trainer in several processes that share each batch (`DistributedDataParallel`).

    Each process takes its part of a batch, and gradients are averaged over all rows of it, so `batch_size` means the
    same for any number of processes. When a process dies, all are started again and go on from the last checkpoint, at
    most `max_restarts` times.

    With `nnodes` above 1, this machine is node 0. The command for the others is written to the log when the training
    begins; they must see the same files under the same paths.

    Args:
        nproc_per_node: processes on each machine.
        nnodes: machines.
        max_restarts: how often the processes may be started again.
        rdzv_endpoint: `host:port` where the machines meet; needed with more than one of them.
        device: `cpu`, `cuda`, or `auto` for the best that is there; each process has a GPU of its own.
        precision: `float32`; or `bfloat16` or `float16` for mixed precision: weights stay float32.
    """

    FINGERPRINTED: ClassVar[tuple[str, ...]] = ("device", "precision", "nproc_per_node", "nnodes")
    FRAMEWORKS: ClassVar[tuple[str, ...]] = ("torch",)

    nproc_per_node: int = Field(default=1, ge=1)
    nnodes: int = Field(default=1, ge=1)
    max_restarts: int = Field(default=3, ge=0)
    rdzv_endpoint: str = ""
    device: Device = "auto"
    precision: Precision = "float32"

    def check(self) -> Iterable[Problem]:
        """Find fields that do not go together."""
        where = type(self).__name__
        if self.nnodes > 1 and not self.rdzv_endpoint:
            yield Problem("several machines need a place to meet", f"{where}.rdzv_endpoint", "Give host:port of node 0")
        if self.device == "mps":
            yield Problem("processes cannot share an mps device", f"{where}.device", "Choose cpu, cuda or auto")

    def placement(self) -> Placement:
        """Say on what to train."""
        return Placement(device=self.device, precision=self.precision)

    def train(self, train: Callable[[], None]) -> None:
        """Start the processes, and wait for their end.

        Raises:
            ConfigError: the fields do not go together, or the step is one that no other process can run.
        """
        wrong = list(self.check())
        if wrong:
            raise ConfigError(wrong)
        if not isinstance(train, TrainingWork):
            raise ConfigError("only the training step of a pipeline can run in other processes", type(self).__name__)
        train.run_in(lambda job: self._command(job, train))

    def _command(self, job: Path, work: TrainingWork) -> Sequence[str]:
        options = {
            "job": str(job),
            "nproc_per_node": self.nproc_per_node,
            "nnodes": self.nnodes,
            "max_restarts": self.max_restarts,
            "rdzv_endpoint": self.rdzv_endpoint,
        }
        (job.parent / "launch.json").write_text(json.dumps(options))
        command = [sys.executable, "-m", "zenml_pytorch.launcher", str(job.parent / "launch.json")]
        if self.nnodes > 1:
            work.context.report.log(f"on each other machine run: {' '.join([*command, 'NODE'])}, NODE from 1")
        return command
