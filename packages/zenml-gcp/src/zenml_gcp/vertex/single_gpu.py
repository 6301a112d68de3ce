"""SingleGPUTrainingGCAIPBackend: trains on one machine of Vertex AI with one accelerator."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import model_validator

from zenml_gcp.vertex.base import Accelerator, GCAIPTrainingBackend


class SingleGPUTrainingGCAIPBackend(GCAIPTrainingBackend):
    """Train on one machine with one accelerator, in a CustomJob of Vertex AI.

    A machine that breaks down is replaced, and so is one of a spot job that is taken away: the training goes on from
    its last checkpoint. The job stops when the step fails or is stopped.

    Args:
        project: in which the job runs, and that pays for it.
        job_dir: `gs://bucket/folder` for data, checkpoints and model; it is empty again when the run has ended.
        region: where the job runs; the bucket's own.
        machine_type: `n1-standard-8`, `g2-standard-8`, `a2-highgpu-1g`, …
        accelerator_type: `NVIDIA_TESLA_T4`, `NVIDIA_L4`, `NVIDIA_TESLA_A100`, …; `gpu_type` is understood, too.
        image: with Python, ZenML and the trainer's framework in it.
        spot: whether to train on a spot machine: cheaper, and taken away when Google needs it.
        max_restarts: how often a spot job that was given up is submitted again; with 0 no machine is replaced at all.
        max_running_time: how many seconds the job may take.
        service_account: that the job works by; by default Vertex AI's own for the project.
        network: `projects/NUMBER/global/networks/NAME`, peered with Vertex AI.
        disk_size_gb: of the machine.
        disk_type: `pd-ssd`, `pd-standard` or `hyperdisk-balanced`; by default what the machine type takes.
        device: `auto` for the accelerator if the framework in the image finds it; `cuda` to train on nothing else.
        precision: `float32`; or `bfloat16` or `float16` for mixed precision: weights stay float32.
        extra_labels: more labels for the job.
        endpoint_url: address of another service than Google's, such as an emulator.
    """

    FINGERPRINTED: ClassVar[tuple[str, ...]] = ("accelerator_type", "device", "precision")

    accelerator_type: Accelerator = "NVIDIA_TESLA_T4"

    @model_validator(mode="before")
    @classmethod
    def _known_by_its_earlier_name(cls, data: Any) -> Any:
        if isinstance(data, dict) and "gpu_type" in data and "accelerator_type" not in data:
            return {("accelerator_type" if name == "gpu_type" else name): value for name, value in data.items()}
        return data

    def accelerators(self) -> tuple[str | None, int]:
        """Return the one accelerator."""
        return self.accelerator_type, 1
