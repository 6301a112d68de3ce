"""Clip: numbers held within borders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa
from pydantic import Field, model_validator

from zenml.data.transforms.method import Arrays, Fitted, Method
from zenml.data.transforms.summary import Summary
from zenml.data.transforms.values import NUMBERS, ValueType, array_of, floats_of


@dataclass(frozen=True)
class Clipped(Fitted):
    """A value below `low` becomes `low`, one above `high` becomes `high`; a null stays null."""

    low: float | None
    high: float | None

    def apply(self, array: pa.Array) -> pa.Array:
        """Clip."""
        return array_of(np.clip(floats_of(array), self.low, self.high))

    def summary(self, taken: Summary) -> Summary:
        """Clip the distinct values."""
        return taken.mapped(ValueType.FLOAT, self.apply)

    def to_json(self) -> Mapping[str, Any]:
        """Return nothing: the parameters say it all."""
        return {}


class Clip(Method):
    """Hold numbers within borders, min(max(x, `min`), `max`), as NumPy's `clip` does; infinities too.

    It gives one float for each value; a null stays null. Nothing is learned.

    Args:
        min: the lowest value that comes out; none by default.
        max: the highest value that comes out; none by default. One of the two is needed.
    """

    NAME = "clip"
    TAKES = NUMBERS

    min: float | None = Field(default=None, allow_inf_nan=False)
    max: float | None = Field(default=None, allow_inf_nan=False)

    @model_validator(mode="after")
    def _check_borders(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("neither min nor max is given, so there is nothing to clip")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min is {self.min:g} and max is {self.max:g}, but min must not be above max")
        return self

    def gives(self, taken: ValueType) -> ValueType:
        """Give floats."""
        return ValueType.FLOAT

    def fit(self, summary: Summary) -> Fitted:
        """Take the borders as they are."""
        return Clipped(self.min, self.max)

    def load(self, taken: ValueType, row: Mapping[str, Any], arrays: Arrays) -> Fitted:
        """Take the borders as they are."""
        return Clipped(self.min, self.max)
