"""Scaling: numbers shifted and stretched, as scikit-learn's StandardScaler and MinMaxScaler do.

A null stays null. An infinite value stays infinite, and takes no part in what is learned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
from pydantic import Field, model_validator

from zenml.data.statistics._moments import Moments
from zenml.data.transforms.method import Arrays, Fitted, Method
from zenml.data.transforms.summary import Need, Summary
from zenml.data.transforms.values import NUMBERS, ValueType, array_of, floats_of


@dataclass(frozen=True)
class Scaled(Fitted):
    """A value x becomes (x - center) / scale + offset.

    Args:
        center: what is taken off first.
        scale: what the rest is divided by; above 0.
        offset: what is added at the end.
    """

    center: float
    scale: float
    offset: float

    def apply(self, array: pa.Array) -> pa.Array:
        """Scale."""
        values = floats_of(array) - self.center
        values /= self.scale
        values += self.offset
        return array_of(values)

    def summary(self, taken: Summary) -> Summary:
        """Scale the summary's parts."""
        made = Summary(ValueType.FLOAT, ())
        made.missing = taken.missing
        if taken.moments is not None:
            old, new = taken.moments, Moments()
            if old.count and old.low is not None and old.high is not None:
                ends = self.apply(pa.array([old.low, old.high, old.mean], pa.float64())).to_pylist()
                new.count, new.squares = old.count, old.squares / self.scale / self.scale
                new.low, new.high, new.mean = min(ends[:2]), max(ends[:2]), ends[2]
            made.moments = new
        if taken.counts is not None:
            values, counts = taken.counts.result()
            made.counts = type(taken.counts).of(ValueType.FLOAT, self.apply(values), counts)
        return made

    def to_json(self) -> Mapping[str, Any]:
        """Return the three numbers."""
        return {"center": self.center, "scale": self.scale, "offset": self.offset}


class _Scaling(Method):
    TAKES = NUMBERS
    CARRIES = frozenset({Need.MOMENTS, Need.COUNTS})
    NEEDS: ClassVar[frozenset[Need]] = frozenset({Need.MOMENTS})

    def gives(self, taken: ValueType) -> ValueType:
        """Give floats."""
        return ValueType.FLOAT

    def load(self, taken: ValueType, row: Mapping[str, Any], arrays: Arrays) -> Fitted:
        """Read the three numbers."""
        return Scaled(float(row["center"]), float(row["scale"]), float(row["offset"]))


class ScaleToZScore(_Scaling):
    """Subtract the mean and divide by the standard deviation of the population (divisor n).

    The formula is (x - mean) / sqrt(sum((x - mean)²) / n), as of scikit-learn's StandardScaler. A column that is
    constant in the training rows becomes 0 there: it is divided by 1.

    It gives one float for each value; a null stays null.
    """

    NAME = "scale_to_z_score"

    def fit(self, summary: Summary) -> Fitted:
        """Learn mean and deviation."""
        numbers = _some(summary)
        if numbers.low == numbers.high:
            return Scaled(float(numbers.low or 0), 1.0, 0.0)
        deviation = sqrt(numbers.squares / numbers.count)
        return Scaled(numbers.mean, deviation if deviation > 0 and np.isfinite(deviation) else 1.0, 0.0)


class ScaleByMinMax(_Scaling):
    """Map the range of the training rows' values to another one; values beyond it go beyond.

    The formula is (x - low) / (high - low) * (`max` - `min`) + `min`, where low and high are the training rows'
    smallest and largest value, as of scikit-learn's MinMaxScaler. A column that is constant in the training rows
    becomes `min` there.

    It gives one float for each value; a null stays null.

    Args:
        min: what the smallest value becomes.
        max: what the largest value becomes.
    """

    NAME = "scale_by_min_max"

    min: float = Field(default=0.0, allow_inf_nan=False)
    max: float = Field(default=1.0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        if not self.min < self.max:
            raise ValueError(f"min is {self.min:g} and max is {self.max:g}, but min must be below max")
        return self

    def fit(self, summary: Summary) -> Fitted:
        """Learn the range."""
        numbers = _some(summary)
        low, high = float(numbers.low or 0), float(numbers.high or 0)
        scale = (high - low) / (self.max - self.min)
        return Scaled(low, scale if scale > 0 and np.isfinite(scale) else 1.0, self.min)


class ScaleTo01(_Scaling):
    """Map the range of the training rows' values to 0 … 1: `scale_by_min_max` with its defaults.

    The formula is (x - min) / (max - min), as of scikit-learn's MinMaxScaler. Values beyond the range of the training
    rows go beyond 0 and 1; a column that is constant there becomes 0.

    It gives one float for each value; a null stays null.
    """

    NAME = "scale_to_0_1"

    def fit(self, summary: Summary) -> Fitted:
        """Learn the range."""
        return ScaleByMinMax().fit(summary)


def _some(summary: Summary) -> Moments:
    numbers = summary.numbers()
    if not numbers.count:
        raise ValueError("there is no finite value to learn from; leave the column out")
    return numbers
