"""Steps say what a pipeline does; each declares typed inputs and outputs."""

from __future__ import annotations

from zenml.plugins.facade import serve

__getattr__, __dir__ = serve(__name__)
