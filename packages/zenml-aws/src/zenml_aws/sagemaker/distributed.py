"""DistributedTrainingSagemakerBackend: trains with PyTorch on several instances, or GPUs, of Amazon SageMaker."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from zenml_aws.sagemaker.backend import TrainingSagemakerBackend
from zenml_aws.sagemaker.instances import gpus_of


class DistributedTrainingSagemakerBackend(TrainingSagemakerBackend):
    """Run a PyTorch trainer as a training job whose processes share each batch (`DistributedDataParallel`).

    Each process takes its part of a batch, and gradients are averaged over all rows of it, so `batch_size` means the
    same for any number of processes. What the instances tell one another is encrypted.

    Args:
        instance_count: instances, all of one type.
        nproc_per_node: processes on each instance; by default one for each of its GPUs, or one.
    """

    FINGERPRINTED: ClassVar[tuple[str, ...]] = (
        "device",
        "precision",
        "instance_type",
        "instance_count",
        "nproc_per_node",
    )
    FRAMEWORKS: ClassVar[tuple[str, ...]] = ("torch",)

    instance_count: int = Field(default=2, ge=1, le=1000)
    nproc_per_node: int | None = Field(default=None, ge=1)

    def machines(self) -> int:
        """Return the number of instances."""
        return self.instance_count

    def processes(self) -> int:
        """Return the number of training processes on each instance."""
        return self.nproc_per_node or max(gpus_of(self.instance_type), 1)

    def _arguments(self, uri: str) -> list[str]:
        if self.instance_count == 1:
            return super()._arguments(uri)
        return ["-m", "zenml_aws.sagemaker.host", "--job", uri]
