"""Log: the natural logarithm of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from zenml.data.transforms.method import Arrays, Fitted, Method
from zenml.data.transforms.summary import Summary
from zenml.data.transforms.values import NUMBERS, ValueType, array_of, floats_of


@dataclass(frozen=True)
class Logged(Fitted):
    """A value x becomes ln(max(x + offset, floor)); a null stays null."""

    offset: float
    floor: float

    def apply(self, array: pa.Array) -> pa.Array:
        """Take the logarithm."""
        sums = np.maximum(floats_of(array) + self.offset, self.floor)
        return pc.ln(array_of(sums))  # Arrow's loop is scalar: a value has the same bits wherever it stands

    def summary(self, taken: Summary) -> Summary:
        """Take the logarithm of the distinct values."""
        return taken.mapped(ValueType.FLOAT, self.apply)

    def to_json(self) -> Mapping[str, Any]:
        """Return nothing: the parameters say it all."""
        return {}


class Log(Method):
    """Take the natural logarithm ln(max(x + `offset`, `floor`)); with the defaults NumPy's `log1p` of x >= 0.

    It gives one float for each value; a null stays null. There is no logarithm of 0 and below: where x + `offset` is
    less than `floor`, the value counts as `floor`, so no infinity and no gap comes out. Nothing is learned.

    Args:
        offset: what is added first.
        floor: the smallest sum of which the logarithm is taken; above 0.
    """

    NAME = "log"
    TAKES = NUMBERS

    offset: float = Field(default=1.0, allow_inf_nan=False)
    floor: float = Field(default=1e-6, gt=0, allow_inf_nan=False)

    def gives(self, taken: ValueType) -> ValueType:
        """Give floats."""
        return ValueType.FLOAT

    def fit(self, summary: Summary) -> Fitted:
        """Take the parameters as they are."""
        return Logged(self.offset, self.floor)

    def load(self, taken: ValueType, row: Mapping[str, Any], arrays: Arrays) -> Fitted:
        """Take the parameters as they are."""
        return Logged(self.offset, self.floor)
