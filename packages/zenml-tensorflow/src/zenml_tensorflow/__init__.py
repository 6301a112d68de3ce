"""TensorFlow trainers for ZenML pipelines; `zenml_tensorflow.plugin` tells what is offered."""

from __future__ import annotations

__version__ = "0.4.0"
