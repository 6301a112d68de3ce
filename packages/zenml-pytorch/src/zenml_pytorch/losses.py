"""Losses and activations by the names that the trainers of every framework know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from zenml.steps.trainer.names import Kind

LAYERS: dict[str, Callable[[], Any]] = {
    "elu": torch.nn.ELU,
    "gelu": torch.nn.GELU,
    "leaky_relu": torch.nn.LeakyReLU,
    "linear": torch.nn.Identity,
    "relu": torch.nn.ReLU,
    "selu": torch.nn.SELU,
    "sigmoid": torch.nn.Sigmoid,
    "silu": torch.nn.SiLU,
    "softmax": lambda: torch.nn.Softmax(dim=-1),
    "softplus": torch.nn.Softplus,
    "tanh": torch.nn.Tanh,
}
"""Layers by the name of the activation."""

_LOSSES: dict[str, Callable[..., Any]] = {
    "binary_crossentropy": functional.binary_cross_entropy_with_logits,
    "categorical_crossentropy": functional.cross_entropy,
    "mse": functional.mse_loss,
    "mae": functional.l1_loss,
    "huber": functional.huber_loss,
}


def loss_function(loss: str, kind: Kind, activation: str) -> Callable[..., Any]:
    """Return a function of (what the network gives before its last activation, targets, reduction=).

    Args:
        loss: its name.
        kind: what it compares; classes are compared before the last activation, which is exact for any size of number.
        activation: the last one.
    """
    found = _LOSSES[loss]
    if kind != "numbers" or activation == "linear":
        return found
    last = LAYERS[activation]()
    return lambda given, targets, **more: found(last(given), targets, **more)
