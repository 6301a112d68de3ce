"""Bucketize: numbers as the numbers of the intervals that they lie in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, Self

import numpy as np
import pyarrow as pa
from pydantic import Field, model_validator

from zenml.data.transforms.method import Arrays, Fitted, Method
from zenml.data.transforms.summary import Need, Summary
from zenml.data.transforms.values import NUMBERS, Floats, ValueType, floats_of

MOST_BUCKETS = 65_536
"""The largest number of buckets."""


@dataclass(frozen=True, eq=False)
class Bucketized(Fitted):
    """A value becomes how many boundaries are at or below it; a null stays null."""

    boundaries: Floats

    def apply(self, array: pa.Array) -> pa.Array:
        """Find the buckets."""
        places = np.searchsorted(self.boundaries, floats_of(array), "right").astype(np.int64)
        return pa.array(places, mask=array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None)

    def summary(self, taken: Summary) -> Summary:
        """Count buckets instead of values."""
        return taken.mapped(ValueType.INTEGER, self.apply)

    def to_json(self) -> Mapping[str, Any]:
        """Return the boundaries."""
        return {"boundaries": self.boundaries.tolist()}


class Bucketize(Method):
    """Replace each number by the number of its bucket, from 0.

    A bucket holds its lower boundary and not its upper one; the first reaches down to minus infinity, the last up to
    infinity. Without `boundaries` they are the inner quantiles k / `num_buckets` of the training rows' values, exact,
    interpolated linearly (Hyndman and Fan's type 7, NumPy's default), as of scikit-learn's KBinsDiscretizer with
    `strategy="quantile"` and `encode="ordinal"`. Boundaries that coincide count once, and so does one at the smallest
    value, so there may be fewer buckets. For quantiles the distinct values are held in memory (16 bytes each).

    It gives one integer for each value; a null stays null.

    Args:
        num_buckets: number of buckets of about as many training rows each.
        boundaries: the boundaries between buckets, ascending, instead.
    """

    NAME = "bucketize"
    TAKES = NUMBERS

    num_buckets: int | None = Field(default=None, ge=2, le=MOST_BUCKETS)
    boundaries: list[Annotated[float, Field(allow_inf_nan=False)]] | None = Field(
        default=None, min_length=1, max_length=MOST_BUCKETS - 1
    )

    @model_validator(mode="after")
    def _check_either(self) -> Self:
        if (self.num_buckets is None) == (self.boundaries is None):
            raise ValueError("give either num_buckets or boundaries")
        if self.boundaries is not None and any(low >= high for low, high in pairwise(self.boundaries)):
            raise ValueError("the boundaries must ascend")
        return self

    @property
    def needs(self) -> frozenset[Need]:
        """Return counts, for quantiles."""
        return frozenset({Need.COUNTS}) if self.boundaries is None else frozenset()

    def gives(self, taken: ValueType) -> ValueType:
        """Give integers."""
        return ValueType.INTEGER

    def fit(self, summary: Summary) -> Fitted:
        """Find the quantiles."""
        if self.boundaries is not None:
            return Bucketized(np.asarray(self.boundaries, np.float64))
        values, counts = summary.values().result()
        if not len(values):
            raise ValueError("there is no finite value to learn from; leave the column out")
        numbers = floats_of(values)
        ends = np.cumsum(counts)
        buckets = self.num_buckets or 1
        shares = np.arange(1, buckets) / buckets
        ranks = shares * (int(ends[-1]) - 1)
        below = np.floor(ranks).astype(np.int64)
        low = numbers[np.searchsorted(ends, below, "right")]
        high = numbers[np.searchsorted(ends, np.minimum(below + 1, ends[-1] - 1), "right")]
        part = ranks - below
        with np.errstate(over="ignore"):
            away = high - low
        found = np.unique(np.where(np.isinf(away), low * (1 - part) + high * part, low + away * part))
        return Bucketized(found[found > numbers[0]])

    def load(self, taken: ValueType, row: Mapping[str, Any], arrays: Arrays) -> Fitted:
        """Read the boundaries."""
        return Bucketized(np.asarray(row["boundaries"], np.float64))
