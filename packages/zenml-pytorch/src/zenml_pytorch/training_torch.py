"""TrainingTorchBackend: trains with PyTorch in this process, on the device that is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from zenml.backends.interfaces import TrainingBackend
from zenml.backends.placement import Device, Placement, Precision


class TrainingTorchBackend(TrainingBackend):
    """Run a PyTorch trainer in the process that runs the pipeline.

    Args:
        device: `cpu`, `cuda`, `mps`, or `auto` for the best that is there.
        precision: `float32`; or `bfloat16` or `float16` for mixed precision: weights stay float32.
    """

    FINGERPRINTED: ClassVar[tuple[str, ...]] = ("device", "precision")
    FRAMEWORKS: ClassVar[tuple[str, ...]] = ("torch",)

    device: Device = "auto"
    precision: Precision = "float32"

    def placement(self) -> Placement:
        """Say on what to train."""
        return Placement(device=self.device, precision=self.precision)

    def train(self, train: Callable[[], None]) -> None:
        """Call `train` here."""
        train()
