"""The repository as its users see it: what is installed, what ran, and where things are kept."""

from __future__ import annotations

from zenml.plugins.facade import serve

__getattr__, __dir__ = serve(__name__)
