"""Transforms of a user's own, as the tests name them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zenml.data.transforms import CustomTransform, ValueType


class Center(CustomTransform):
    """Subtracts the mean and multiplies."""

    GIVES = ValueType.FLOAT

    factor: float = 1.0

    def update(self, state: dict[str, Any], values: pa.Array) -> dict[str, Any]:
        if not state:
            state = {"sums": np.zeros(2), "kinds": []}
        state["sums"] += [len(values), pc.sum(values.cast(pa.float64())).as_py()]
        return state

    def merge(self, state: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
        state["sums"] += other["sums"]
        return state

    def learn(self, state: dict[str, Any]) -> dict[str, Any]:
        if not state:
            raise ValueError("there is no value to learn from")
        return {"mean": state["sums"][1] / state["sums"][0], "seen": {"sums": state["sums"].reshape(1, 2)}, "more": [1]}

    def apply(self, values: pa.Array, learned: dict[str, Any]) -> pa.Array:
        assert learned["seen"]["sums"].shape == (1, 2)
        return pc.multiply(pc.subtract(values.cast(pa.float64()), learned["mean"]), self.factor)


class Powers(CustomTransform):
    """Learns nothing; gives vectors, and a 0 for null."""

    GIVES = ValueType.VECTOR

    def apply(self, values: pa.Array, learned: dict[str, Any]) -> Any:
        numbers = np.nan_to_num(values.cast(pa.float64()).to_numpy(zero_copy_only=False))
        return np.stack([numbers, numbers**2], axis=1)

    def width(self, learned: dict[str, Any]) -> int:
        return 2


class Negate(CustomTransform):
    """Learns nothing; fills what is missing with 7."""

    def apply(self, values: pa.Array, learned: dict[str, Any]) -> pa.Array:
        return pc.negate(values).fill_null(7)


class Lengths(CustomTransform):
    """Counts characters."""

    TAKES = frozenset({ValueType.STRING})
    GIVES = ValueType.INTEGER

    def apply(self, values: pa.Array, learned: dict[str, Any]) -> pa.Array:
        return pc.utf8_length(values)


class TooShort(CustomTransform):
    """Returns fewer values than it takes."""

    def apply(self, values: pa.Array, learned: dict[str, Any]) -> pa.Array:
        return values[1:]


class Narrow(Powers):
    """Says another width than it gives."""

    def width(self, learned: dict[str, Any]) -> int:
        return 3


class Unkept(Center):
    """Learns what cannot be kept."""

    def learn(self, state: dict[str, Any]) -> dict[str, Any]:
        return {"it": float("nan")}


class NoTransformAtAll:
    """No transform."""
