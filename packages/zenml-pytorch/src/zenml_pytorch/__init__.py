"""PyTorch trainers and training backends for ZenML pipelines; `zenml_pytorch.plugin` tells what is offered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zenml_pytorch.base import TorchBaseTrainerStep as TorchBaseTrainerStep
    from zenml_pytorch.loading import data_loader as data_loader

__version__ = "0.4.0"

_FROM = {"TorchBaseTrainerStep": "zenml_pytorch.base", "data_loader": "zenml_pytorch.loading"}


def __getattr__(name: str) -> Any:
    if name not in _FROM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_FROM[name]), name)
