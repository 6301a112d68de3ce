"""Processes that train together: how they find one another, and what they sum up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import distributed

from zenml.backends.placement import Placement


@contextmanager
def joined(placement: Placement, device: Any) -> Iterator[None]:
    """Be one of the processes that train together while the context is open; nothing happens where there is one.

    The launcher's environment says where they meet.
    """
    if placement.world == 1:
        yield
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield
    finally:
        distributed.destroy_process_group()


def summed(values: Any, placement: Placement) -> Any:
    """Return a tensor summed over all processes, in its place."""
    if placement.world > 1:
        distributed.all_reduce(values)
    return values


def of_first(values: Sequence[float], placement: Placement, device: Any) -> list[float]:
    """Return the values that process 0 has."""
    if placement.world == 1:
        return list(values)
    shared = torch.tensor(list(values), dtype=torch.float32 if device.type == "mps" else torch.float64, device=device)
    distributed.broadcast(shared, 0)
    found: list[float] = shared.tolist()
    return found
