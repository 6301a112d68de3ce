"""TorchLearner: a PyTorch network and its optimizer, as the loop over epochs uses them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from zenml.backends.placement import Precision
from zenml.steps.trainer.batches import Arrays
from zenml.steps.trainer.objective import Objective
from zenml.steps.trainer.training import Training
from zenml_pytorch import persistence, processes
from zenml_pytorch.losses import LAYERS, loss_function

_LOOK_BATCHES = 256
"""After so many batches the loss is looked at, so that one that is no number ends an epoch before its end."""

_PREDICT_ROWS = 1 << 16
_TYPES: dict[Precision, Any] = {"bfloat16": torch.bfloat16, "float16": torch.float16}


class TorchLearner:
    """Trains a network; the loop over batches does nothing that a loop in bare PyTorch would not do.

    Args:
        training: the training.
        objective: what the network is trained towards.
        network: gives a row of `objective.outputs` numbers for a row of features, before the last activation.
        optimizer: of its parameters.
        activation: the last activation.
        device: where the network is.
    """

    def __init__(
        self,
        training: Training,
        objective: Objective,
        network: Any,
        optimizer: Any,
        activation: str,
        device: Any,
    ) -> None:
        self.training, self.objective = training, objective
        self.network, self.optimizer = network, optimizer
        self.device = device
        self.last = LAYERS[activation]()
        self._loss = loss_function(objective.loss, objective.kind, activation)
        place = training.placement
        self._spread = network
        if place.world > 1:
            self._spread = torch.nn.parallel.DistributedDataParallel(network)
        self._type = _TYPES.get(place.precision)
        self._scaler = torch.amp.GradScaler(device.type) if place.precision == "float16" else None
        self.loop: Callable[[TorchLearner, int, Iterator[Arrays]], float] | None = None

    def train(self, epoch: int, batches: Iterator[Arrays]) -> float:
        """Take a step of the optimizer for each batch; return the mean loss over all processes."""
        torch.manual_seed(self.training.epoch_seed(epoch))
        self._spread.train()
        return self.take_steps(batches) if self.loop is None else self.loop(self, epoch, batches)

    def take_steps(self, batches: Iterator[Arrays]) -> float:
        """Take a step of the optimizer for each batch, with the usual loss; return the mean loss over all processes."""
        if self.training.placement.world > 1 or self.objective.weighed:
            return self._train_weighed(batches)
        total, rows = torch.zeros((), device=self.device), 0
        for number, (features, targets) in enumerate(batches, 1):
            loss = self.loss(self.given(self.tensor(features)), self.tensor(targets))
            self.step(loss)
            total.add_(loss.detach(), alpha=len(features))
            rows += len(features)
            if number % _LOOK_BATCHES == 0 and not math.isfinite(total.item()):
                break
        return float(total.item()) / max(rows, 1)

    def _train_weighed(self, batches: Iterator[Arrays]) -> float:
        """Train where rows have weights, or other processes have the other rows of each batch."""
        place = self.training.placement
        sums = torch.zeros(2, device=self.device)
        for arrays in batches:
            features, targets, *weights = map(self.tensor, arrays)
            losses = self.loss(self.given(features), targets, reduction="none")
            if weights:
                losses = losses * weights[0]
                weight = processes.summed(weights[0].sum(), place)
            else:
                count = torch.tensor(float(losses.numel()), device=self.device)
                weight = processes.summed(count, place)
            lost = losses.sum()
            self.step(lost * (place.world / weight.clamp(min=torch.finfo(torch.float32).tiny)))
            sums += torch.stack([lost.detach(), weight / place.world])
        lost, weight = processes.summed(sums, place).tolist()
        return lost / weight if weight else math.nan

    def given(self, features: Any) -> Any:
        """Return what the network gives in training, before its last activation, as float32."""
        with self._cast():
            found = self._spread(features)
        return found if found.dtype is torch.float32 else found.float()

    def loss(self, given: Any, targets: Any, reduction: str = "mean") -> Any:
        """Return the loss between what the network gives and the targets."""
        return self._loss(given, targets, reduction=reduction)

    def step(self, loss: Any) -> None:
        """Take a step of the optimizer down the gradient of a loss."""
        self.optimizer.zero_grad(set_to_none=True)
        if self._scaler is None:
            loss.backward()
            self.optimizer.step()
        else:
            self._scaler.scale(loss).backward()
            self._scaler.step(self.optimizer)
            self._scaler.update()

    def tensor(self, array: npt.NDArray[Any]) -> Any:
        """Return an array as a tensor on the device; on the CPU nothing is copied."""
        found = torch.from_numpy(array)
        return found if self.device.type == "cpu" else found.to(self.device, non_blocking=True)

    def predict(self, features: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        """Return the outputs after the last activation, (rows, outputs)."""
        self.network.eval()
        with torch.inference_mode():
            parts = [
                self.last(self.network(self.tensor(features[start : start + _PREDICT_ROWS])).float()).cpu().numpy()
                for start in range(0, max(1, len(features)), _PREDICT_ROWS)
            ]
        return np.concatenate(parts)

    def save(self, folder: Path) -> None:
        """Write weights, and the state of the optimizer."""
        persistence.save_weights(self.network, folder)
        more = {"scaler": self._scaler.state_dict()} if self._scaler else {}
        persistence.save_optimizer(self.optimizer, folder, more)

    def load(self, folder: Path) -> None:
        """Take up what `save` wrote."""
        persistence.load_weights(self.network, folder)
        more = persistence.load_optimizer(self.optimizer, folder)
        if self._scaler and more.get("scaler"):
            self._scaler.load_state_dict(more["scaler"])

    def save_weights(self, folder: Path) -> None:
        """Write the weights alone."""
        persistence.save_weights(self.network, folder)

    def load_weights(self, folder: Path) -> None:
        """Take up what `save_weights` wrote."""
        persistence.load_weights(self.network, folder)

    def agree(self, values: Sequence[float]) -> list[float]:
        """Return the values that process 0 has."""
        return processes.of_first(values, self.training.placement, self.device)

    def _cast(self) -> AbstractContextManager[Any]:
        return torch.autocast(self.device.type, dtype=self._type) if self._type else nullcontext()
