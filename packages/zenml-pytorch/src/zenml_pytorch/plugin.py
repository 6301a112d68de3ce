"""What this distribution offers to ZenML; importing it imports no PyTorch."""

from __future__ import annotations

from zenml.plugins import Capability, Spec, hookimpl

ZENML_HOOK_API = ">=1,<2"


@hookimpl
def zenml_steps() -> list[Spec]:
    """Offer the PyTorch trainers."""
    return [
        Spec(
            "TorchFeedForwardTrainer",
            "step",
            "zenml_pytorch.trainer:TorchFeedForwardTrainer",
            "Trains a feed-forward network with PyTorch",
        ),
        Spec(
            "TorchBaseTrainerStep",
            "step",
            "zenml_pytorch.base:TorchBaseTrainerStep",
            "Base of trainers of a PyTorch model of your own",
        ),
    ]


@hookimpl
def zenml_training_backends() -> list[Spec]:
    """Offer the places to train with PyTorch."""
    return [
        Spec(
            "TrainingTorchBackend",
            "training",
            "zenml_pytorch.training_torch:TrainingTorchBackend",
            "Trains with PyTorch in this process: on the GPU where there is one, in mixed precision",
            (Capability.GPU,),
        ),
        Spec(
            "TrainingTorchrunBackend",
            "training",
            "zenml_pytorch.training_torchrun:TrainingTorchrunBackend",
            "Trains with PyTorch in several processes, on one machine or more, which are restarted when they die",
            (Capability.GPU,),
        ),
    ]
