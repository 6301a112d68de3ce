"""Placement: on what a trainer trains, and as which of how many processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Device = Literal["cpu", "cuda", "mps", "auto"]
Precision = Literal["float32", "bfloat16", "float16"]


@dataclass(frozen=True)
class Placement:
    """What a training backend says of the place where a trainer runs.

    Args:
        device: `auto` for the best that is there.
        precision: in which most of the sums of a forward and backward pass are computed; weights stay float32.
        rank: number of this process among those that train together, from 0; only 0 writes, records and reports.
        world: how many processes train together.
        local_rank: number of this process on its machine, from 0.
    """

    device: Device = "cpu"
    precision: Precision = "float32"
    rank: int = 0
    world: int = 1
    local_rank: int = 0
