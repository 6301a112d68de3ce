"""Heads: which output of a Keras model is of which label, and what each is trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zenml.errors import DataError
from zenml.steps.trainer.batches import Arrays
from zenml.steps.trainer.objective import Objective

_SURE = 1e-3


@dataclass(frozen=True)
class Heads:
    """The outputs of a model: one of a single label, or one per label.

    Args:
        objective: what the model is trained towards.
        like: the model's outputs, in the structure in which it gives them.
        one_hot: whether the loss takes a column per class instead of the class's position.
    """

    objective: Objective
    like: Any
    one_hot: bool = False

    @property
    def count(self) -> int:
        """How many outputs there are."""
        return 1 if self.objective.kind == "classes" else len(self.objective.labels)

    @property
    def places(self) -> list[int]:
        """The label's number of each output, in the order in which Keras flattens them: a dict by its sorted names."""
        names = [label.name for label in self.objective.labels[: self.count]]
        return (
            sorted(range(self.count), key=names.__getitem__)
            if isinstance(self.like, Mapping)
            else list(range(self.count))
        )

    def fit(self, arrays: Arrays) -> Any:
        """Return (features, targets[, weights]) as `Model.fit` takes them; of arrays in a `tf.data` graph."""
        import tensorflow as tf

        features, targets, *weights = arrays
        if self.objective.kind == "classes":
            if self.one_hot:
                targets = tf.one_hot(targets, self.objective.outputs)
            return (features, targets, *weights)
        made = [self.packed([targets[:, number : number + 1] for number in range(self.count)])]
        if weights:
            made.append(self.packed([weights[0][:, number] for number in range(self.count)]))
        return (features, *made)

    def packed(self, values: Sequence[Any]) -> Any:
        """Return a value per label in the structure of the outputs; in a tuple, as `tf.data` takes lists for arrays."""
        if isinstance(self.like, Mapping):
            return {label.name: value for label, value in zip(self.objective.labels, values, strict=True)}
        return tuple(values) if isinstance(self.like, (list, tuple)) else values[0]

    def joined(self, outputs: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """Return the outputs side by side, (rows, outputs), in the order of the labels."""
        if self.count == 1:
            return outputs[0]
        columns = [outputs[place].reshape(-1, 1) for place in np.argsort(self.places)]
        return np.concatenate(columns, axis=1)

    def refuse_unfit(self, outputs: Sequence[npt.NDArray[Any]], where: str) -> None:
        """Find whether what a model gave for some rows fits the labels.

        Raises:
            DataError: the number of outputs, their shapes or their values do not.
        """
        rows, names = len(outputs[0]) if outputs else 0, ", ".join(label.name for label in self.objective.labels)
        if len(outputs) != self.count:
            what = f"the model gives {len(outputs)} outputs, and {self.objective.loss} of {names} needs {self.count}"
            mend = "Give one output per label, in their order: keras.Model(inputs, [first, second])"
            raise DataError(what, where, mend if self.count > 1 else "Give one output")
        wanted = sorted(label.name for label in self.objective.labels)
        if isinstance(self.like, Mapping) and sorted(self.like) != wanted:
            what = f"the model's outputs are called {', '.join(map(str, self.like))}, and the labels {names}"
            raise DataError(what, where, "Call each output by its label, or give a list in the order of the labels")
        if self.count == 1:
            self.objective.refuse_output(outputs[0].shape, rows, where)
        for label, output in zip(self.objective.labels, outputs, strict=False):
            if self.count > 1 and output.shape != (rows, 1):
                what = f"the model's output of {label.name} has the shape {output.shape} for {rows} rows"
                raise DataError(f"{what}, and {self.objective.loss} needs {(rows, 1)}", where, "Give it 1 unit")
        if self.objective.kind == "numbers":
            return
        joined = self.joined(outputs)
        outside = bool((joined < -_SURE).any() or (joined > 1 + _SURE).any())
        if self.objective.kind == "classes":
            outside = outside or bool((np.abs(joined.sum(axis=1) - 1) > _SURE).any())
        if outside:
            last = "sigmoid" if self.objective.kind == "binary" else "softmax"
            what = f"the model's outputs are no probabilities, which {self.objective.loss} of {names} needs"
            raise DataError(what, where, f"Give its last layer activation={last!r}")
