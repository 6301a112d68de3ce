"""Fillings: what stands in for a missing cell.

The value is learned from the cells of the training rows that are not missing; infinities do not count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, ClassVar

import pyarrow as pa

from zenml.data.transforms.method import Arrays, Fitted, Method
from zenml.data.transforms.summary import Need, Summary
from zenml.data.transforms.values import ARROW, NUMBERS, SCALARS, Value, ValueType


@dataclass(frozen=True)
class Filled(Fitted):
    """Every null becomes `value`; there is no null afterwards.

    Args:
        kind: type of the values that come out.
        value: what stands in for a null.
    """

    kind: ValueType
    value: Value

    def apply(self, array: pa.Array) -> pa.Array:
        """Fill."""
        array = array.cast(ARROW[self.kind], safe=False)
        return array.fill_null(pa.scalar(self.value, ARROW[self.kind])) if array.null_count else array

    def summary(self, taken: Summary) -> Summary:
        """Add the value as often as one was missing."""
        return taken.filled(self.kind, self.value)

    def to_json(self) -> Mapping[str, Any]:
        """Return the value."""
        return {"value": self.value}


class _Filling(Method):
    CARRIES = frozenset({Need.MOMENTS, Need.COUNTS})
    FILLS = True

    def load(self, taken: ValueType, row: Mapping[str, Any], arrays: Arrays) -> Fitted:
        """Read the value."""
        return self._filled(taken, row["value"])

    def _filled(self, taken: ValueType, value: Value | None) -> Filled:
        if value is None:
            raise ValueError("there is no value to learn from; fill with `constant`, or leave the column out")
        kind = self.gives(taken)
        return Filled(kind, float(value) if kind is ValueType.FLOAT else value)


class FillMin(_Filling):
    """Fill with the smallest value of the training rows.

    It gives one value of the column's type for each cell, and no null.
    """

    NAME = "min"
    TAKES = NUMBERS
    NEEDS: ClassVar[frozenset[Need]] = frozenset({Need.MOMENTS})

    def fit(self, summary: Summary) -> Fitted:
        """Take the smallest value."""
        return self._filled(summary.kind, summary.numbers().low)


class FillMax(_Filling):
    """Fill with the largest value of the training rows.

    It gives one value of the column's type for each cell, and no null.
    """

    NAME = "max"
    TAKES = NUMBERS
    NEEDS: ClassVar[frozenset[Need]] = frozenset({Need.MOMENTS})

    def fit(self, summary: Summary) -> Fitted:
        """Take the largest value."""
        return self._filled(summary.kind, summary.numbers().high)


class FillMean(_Filling):
    """Fill with the arithmetic mean, sum(x) / n, of the n values of the training rows.

    It gives one float for each cell, and no null.
    """

    NAME = "mean"
    TAKES = NUMBERS
    NEEDS: ClassVar[frozenset[Need]] = frozenset({Need.MOMENTS})

    def gives(self, taken: ValueType) -> ValueType:
        """Give floats, as a mean of integers is one."""
        return ValueType.FLOAT

    def fit(self, summary: Summary) -> Fitted:
        """Take the mean."""
        numbers = summary.numbers()
        return self._filled(summary.kind, numbers.mean if numbers.count else None)


class FillMedian(_Filling):
    """Fill with the median of the training rows: the middle value, or the mean of the two middle ones.

    It is exact, for which the distinct values are held in memory (16 bytes each).

    It gives one float for each cell, and no null.
    """

    NAME = "median"
    TAKES = NUMBERS
    NEEDS: ClassVar[frozenset[Need]] = frozenset({Need.COUNTS})

    def gives(self, taken: ValueType) -> ValueType:
        """Give floats, as a mean of two integers is one."""
        return ValueType.FLOAT

    def fit(self, summary: Summary) -> Fitted:
        """Take the median."""
        return self._filled(summary.kind, summary.values().median())


class FillMode(_Filling):
    """Fill with the value that occurs most often in the training rows.

    Of several that do, it is the smallest (text: by code points), as of scikit-learn's SimpleImputer.

    It gives one value of the column's type for each cell, and no null.
    """

    NAME = "mode"
    TAKES = SCALARS
    NEEDS: ClassVar[frozenset[Need]] = frozenset({Need.COUNTS})

    def fit(self, summary: Summary) -> Fitted:
        """Take the mode."""
        return self._filled(summary.kind, summary.values().mode())


class FillConstant(_Filling):
    """Fill with a given value.

    It gives one value of the column's type for each cell (a float where the value is one), and no null.

    Args:
        value: of the column's type; a float also for integers.
    """

    NAME = "constant"
    TAKES = SCALARS

    value: bool | int | float | str

    def gives(self, taken: ValueType) -> ValueType:
        """Give floats where the value is one."""
        return ValueType.FLOAT if taken.numeric and isinstance(self.value, float) else taken

    def problem(self, taken: ValueType) -> str:
        """Compare the value's type with the column's."""
        wanted = _PYTHON[taken]
        if type(self.value) in wanted and not (isinstance(self.value, float) and not isfinite(self.value)):
            return ""
        return f"value is {self.value!r}, which does not fit {taken} values"

    def fit(self, summary: Summary) -> Fitted:
        """Take the value as it is."""
        return self._filled(summary.kind, self.value)


_PYTHON: dict[ValueType, tuple[type, ...]] = {
    ValueType.INTEGER: (int, float),
    ValueType.FLOAT: (int, float),
    ValueType.BOOLEAN: (bool,),
    ValueType.STRING: (str,),
}

FILLINGS: dict[str, type[Method]] = {
    method.NAME: method for method in (FillMin, FillMax, FillMean, FillMedian, FillMode, FillConstant)
}
"""All fillings by name."""
