"""A metadata store for ZenML through Google's ml-metadata library; `zenml_mlmd.plugin` tells what is offered."""

from __future__ import annotations

__version__ = "0.4.0"
