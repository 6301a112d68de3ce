"""FeedForwardTrainer: what the feed-forward trainers of all frameworks have in common."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from zenml.errors import DataError, Problem
from zenml.steps.trainer.names import ACTIVATIONS, LAST, LOSSES, canonical, unknown
from zenml.steps.trainer.network import NetworkTrainer
from zenml.steps.trainer.objective import Objective
from zenml.steps.trainer.training import Training


@dataclass(frozen=True)
class Layers:
    """The shape of a feed-forward network.

    Args:
        inputs: columns of the features.
        hidden: units of each hidden layer.
        outputs: units of the last layer.
        activation: of the hidden layers, as `names.ACTIVATIONS` has it.
        last_activation: of the last layer.
        dropout: the chance of a unit of a hidden layer to be left out in a step.
    """

    inputs: int
    hidden: tuple[int, ...]
    outputs: int
    activation: str
    last_activation: str
    dropout: float


class FeedForwardTrainer(NetworkTrainer):
    """Base of `TFFeedForwardTrainer` and `TorchFeedForwardTrainer`: one line is what differs between them.

    Args:
        dropout_chance: the chance of a unit of a hidden layer to be left out in a step of the optimizer.
        hidden_layers: units of each hidden layer.
        hidden_activation: of the hidden layers: `relu`, `gelu`, `tanh`, …
        last_activation: of the last layer; by default the one that goes with the loss.
        input_units: columns of the features; by default what the data have. Another number is an error.
        output_units: units of the last layer: one per class of `categorical_crossentropy`, else one per label; by
            default what the labels need. Another number is an error.
        batch_size, lr, epochs, loss, metrics, optimizer: see `NetworkTrainer`, as for all that is not named here.
    """

    dropout_chance: float = Field(default=0.2, ge=0, lt=1)
    hidden_layers: list[Annotated[int, Field(ge=1)]] = Field(default_factory=lambda: [64, 32])
    hidden_activation: str = "relu"
    last_activation: str | None = None
    input_units: int | None = Field(default=None, ge=1)
    output_units: int | None = Field(default=None, ge=1)

    def name_problems(self) -> Iterable[Problem]:
        """Find what is wrong with the fields alone: unknown names, and a loss and an activation that do not go."""
        yield from super().name_problems()
        where = type(self).__name__
        yield from unknown(self.hidden_activation, ACTIVATIONS, "activation", f"{where}.hidden_activation")
        if self.last_activation is None:
            return
        wrong = list(unknown(self.last_activation, ACTIVATIONS, "activation", f"{where}.last_activation"))
        yield from wrong
        if self.loss is not None and canonical(self.loss) in LOSSES and not wrong:
            yield from self._unfit(canonical(self.loss))

    def layers(self, training: Training, objective: Objective) -> Layers:
        """Return the shape of the network for a training.

        Raises:
            DataError: the fields do not fit the data, all of that.
        """
        where, width = type(self).__name__, training.train.width
        problems = list(self._unfit(objective.loss))
        if self.input_units not in (None, width):
            what = f"input_units is {self.input_units}, and the transformed features have {width} columns"
            problems.append(Problem(what, where, f"Leave it out, or write input_units={width}"))
        if self.output_units not in (None, objective.outputs):
            labels = ", ".join(label.name for label in objective.labels)
            what = f"output_units is {self.output_units}, and {objective.loss} of {labels} needs {objective.outputs}"
            problems.append(Problem(what, where, f"Leave it out, or write output_units={objective.outputs}"))
        if problems:
            raise DataError(problems)
        last = canonical(self.last_activation) if self.last_activation else LAST[objective.kind][0]
        return Layers(
            width,
            tuple(self.hidden_layers),
            objective.outputs,
            canonical(self.hidden_activation),
            last,
            self.dropout_chance,
        )

    def _unfit(self, loss: str) -> Iterable[Problem]:
        """Find whether the last activation does not go with a loss."""
        fitting = LAST[LOSSES[loss]]
        if self.last_activation is not None and canonical(self.last_activation) not in fitting:
            what = f"last_activation={self.last_activation!r} does not go with loss={loss!r}"
            yield Problem(
                what, f"{type(self).__name__}.last_activation", f"Take {' or '.join(fitting)}, or leave it out"
            )
