"""Kubernetes for ZenML; `zenml_k8s.plugin` tells what is offered."""

from __future__ import annotations

__version__ = "0.4.0"
