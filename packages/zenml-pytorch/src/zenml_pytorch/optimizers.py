"""Optimizers by the names that the trainers of every framework know."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from zenml.steps.trainer.names import canonical

_CLASSES = {
    "adagrad": "Adagrad",
    "adam": "Adam",
    "adamw": "AdamW",
    "nadam": "NAdam",
    "rmsprop": "RMSprop",
    "sgd": "SGD",
}
_FUSED = ("adagrad", "adam", "adamw", "sgd")
"""Those that take all their steps in one call; Adagrad only on the CPU."""


def make_optimizer(name: str, parameters: Iterable[Any], lr: float, device: Any) -> Any:
    """Return an optimizer.

    Args:
        name: one of `zenml.steps.trainer.names.OPTIMIZERS`.
        parameters: what it changes.
        lr: the learning rate.
        device: where the parameters are.
    """
    name = canonical(name)
    fused = device.type == "cpu" if name == "adagrad" else name in _FUSED and device.type in ("cpu", "cuda")
    more = {"fused": True} if fused else {}
    return getattr(torch.optim, _CLASSES[name])(parameters, lr=lr, **more)
