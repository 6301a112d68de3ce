"""NoTransform: values as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from zenml.data.transforms.method import Arrays, Fitted, Method
from zenml.data.transforms.summary import Need, Summary
from zenml.data.transforms.values import ValueType


class Same(Fitted):
    """Values and nulls stay as they are."""

    def apply(self, array: pa.Array) -> pa.Array:
        """Return the array."""
        return array

    def summary(self, taken: Summary) -> Summary:
        """Return the summary."""
        return taken

    def to_json(self) -> Mapping[str, Any]:
        """Return nothing."""
        return {}


class NoTransform(Method):
    """Leave the values as they are; booleans end as 0 and 1.

    It gives each value itself, in its type and shape; a null stays null. Nothing is learned.
    """

    NAME = "no_transform"
    TAKES = frozenset(ValueType)
    CARRIES = frozenset({Need.MOMENTS, Need.COUNTS})

    def fit(self, summary: Summary) -> Fitted:
        """Learn nothing."""
        return Same()

    def load(self, taken: ValueType, row: Mapping[str, Any], arrays: Arrays) -> Fitted:
        """Read nothing."""
        return Same()
