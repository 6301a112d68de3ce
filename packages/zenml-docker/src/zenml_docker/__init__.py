"""ZenML pipelines in Docker containers; `zenml_docker.plugin` tells what is offered."""

from __future__ import annotations

__version__ = "0.4.0"
