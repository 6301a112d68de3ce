"""TorchFeedForwardTrainer: a feed-forward network in PyTorch."""

from __future__ import annotations

from typing import Any, ClassVar

from zenml.steps.trainer.feed_forward import FeedForwardTrainer
from zenml.steps.trainer.names import LAST, canonical
from zenml.steps.trainer.objective import Objective
from zenml.steps.trainer.training import Training
from zenml_pytorch.base import TorchBaseTrainerStep


class TorchFeedForwardTrainer(FeedForwardTrainer, TorchBaseTrainerStep):
    """Train a feed-forward network with PyTorch; `TFFeedForwardTrainer` takes the same arguments.

    Args:
        batch_size, lr, epochs, dropout_chance, loss, metrics, hidden_layers: see `FeedForwardTrainer`, as for all
            arguments.
    """

    CACHE_VERSION: ClassVar[int | None] = 1

    def model_fn(self, inputs: int, outputs: int) -> Any:
        """Return the layers up to the last activation."""
        import torch

        from zenml_pytorch.losses import LAYERS

        layers: list[Any] = []
        for units in self.hidden_layers:
            layers += [torch.nn.Linear(inputs, units), LAYERS[canonical(self.hidden_activation)]()]
            if self.dropout_chance:
                layers.append(torch.nn.Dropout(self.dropout_chance))
            inputs = units
        return torch.nn.Sequential(*layers, torch.nn.Linear(inputs, outputs))

    def last_activation_of(self, objective: Objective) -> str:
        """Return the activation that is asked for, else the one that goes with the loss."""
        return canonical(self.last_activation) if self.last_activation else LAST[objective.kind][0]

    def shape(self, training: Training, objective: Objective) -> tuple[int, int]:
        """Return the shape that the fields and the data agree on."""
        layers = self.layers(training, objective)
        return layers.inputs, layers.outputs
