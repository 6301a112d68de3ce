"""What this distribution offers to ZenML; importing it imports no TensorFlow."""

from __future__ import annotations

from zenml.plugins import Spec, hookimpl

ZENML_HOOK_API = ">=1,<2"


@hookimpl
def zenml_steps() -> list[Spec]:
    """Offer the TensorFlow trainers."""
    return [
        Spec(
            "TFFeedForwardTrainer",
            "step",
            "zenml_tensorflow.trainer:TFFeedForwardTrainer",
            "Trains a feed-forward network with Keras on TensorFlow",
        ),
        Spec(
            "TFBaseTrainerStep",
            "step",
            "zenml_tensorflow.base:TFBaseTrainerStep",
            "Base of trainers with a Keras model of your own",
        ),
    ]
