"""TrainingGCAIPBackend: trains on one or several machines of Vertex AI, each with any number of accelerators."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from zenml_gcp.vertex.base import Accelerator, GCAIPTrainingBackend


class TrainingGCAIPBackend(GCAIPTrainingBackend):
    """Train a PyTorch model in several processes, on several machines or accelerators, in a CustomJob of Vertex AI.

    There is a process for each accelerator, or one for each machine that has none. Each takes its part of a batch, and
    gradients are averaged over all rows of it, so `batch_size` means the same for any number of them. When a machine
    is replaced, all processes are started again, and go on from the last checkpoint.

    Args:
        project: in which the job runs, and that pays for it.
        job_dir: `gs://bucket/folder` for data, checkpoints and model; it is empty again when the run has ended.
        replica_count: how many machines there are.
        region: where the job runs; the bucket's own.
        machine_type: of each machine: `n1-standard-16`, `g2-standard-24`, `a2-highgpu-8g`, …
        accelerator_type: `NVIDIA_TESLA_T4`, `NVIDIA_L4`, `NVIDIA_TESLA_A100`, …; None to train on processors.
        accelerator_count: how many each machine has.
        image: with Python, ZenML, `zenml-gcp` and PyTorch in it.
        spot: whether to train on spot machines: cheaper, and taken away when Google needs them.
        max_restarts: how often a spot job that was given up is submitted again; with 0 no machine is replaced at all.
        max_running_time: how many seconds the job may take.
        service_account: that the job works by; by default Vertex AI's own for the project.
        network: `projects/NUMBER/global/networks/NAME`, peered with Vertex AI.
        disk_size_gb: of each machine.
        disk_type: `pd-ssd`, `pd-standard` or `hyperdisk-balanced`; by default what the machine type takes.
        device: `auto` for the accelerators if PyTorch in the image finds them; `cuda` to train on nothing else.
        precision: `float32`; or `bfloat16` or `float16` for mixed precision: weights stay float32.
        extra_labels: more labels for the job.
        endpoint_url: address of another service than Google's, such as an emulator.
    """

    FINGERPRINTED: ClassVar[tuple[str, ...]] = (
        "accelerator_type",
        "accelerator_count",
        "replica_count",
        "device",
        "precision",
    )
    FRAMEWORKS: ClassVar[tuple[str, ...]] = ("torch",)

    replica_count: int = Field(default=1, ge=1, le=1000)
    accelerator_type: Accelerator | None = None
    accelerator_count: int = Field(default=1, ge=1, le=16)

    def accelerators(self) -> tuple[str | None, int]:
        """Return what each machine has."""
        return (self.accelerator_type, self.accelerator_count) if self.accelerator_type else (None, 0)

    def machines(self) -> int:
        """Return the number of machines."""
        return self.replica_count

    def processes(self) -> int:
        """Return the number of processes on each machine."""
        return self.accelerators()[1] or 1
