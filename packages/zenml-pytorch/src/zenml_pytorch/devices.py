"""Devices: on what PyTorch computes."""

from __future__ import annotations

from typing import Any

import torch

from zenml.backends.placement import Placement
from zenml.errors import ConfigError


def find_device(placement: Placement, where: str) -> Any:
    """Return the device that a placement names.

    Raises:
        ConfigError: this machine has none, or the precision is not one that it computes in.
    """
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    kind = placement.device
    if kind == "auto":
        kind = "cuda" if there["cuda"] else "mps" if there["mps"] and placement.world == 1 else "cpu"
    if not there[kind]:
        found = ", ".join(name for name, here in there.items() if here)
        what = f"PyTorch {torch.__version__} finds no {kind} device on this machine"
        raise ConfigError(what, where, f"There are: {found}. Choose device='auto' for the best of them")
    if kind == "cpu" and placement.precision == "float16":
        raise ConfigError("float16 needs a GPU", where, "Choose precision='bfloat16', or 'float32'")
    return torch.device(kind, placement.local_rank) if kind == "cuda" else torch.device(kind)
