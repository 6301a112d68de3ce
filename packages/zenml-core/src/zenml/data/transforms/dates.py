"""DatePart: parts of timestamps, such as the hour of the day, as numbers or as points on a circle."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import pi
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import model_validator

from zenml.data.transforms.method import Arrays, Fitted, Method
from zenml.data.transforms.summary import Need, Summary
from zenml.data.transforms.values import ValueType, floats_of

Part = Literal["year", "quarter", "month", "day", "day_of_year", "weekday", "hour", "minute", "second"]

_ZONE = r"[T ].*(Z|[+-]\d\d(:?\d\d)?)$"
_MOMENT = pa.timestamp("us")


@dataclass(frozen=True)
class _Field:
    take: Callable[[pa.Array], pa.Array]
    first: int
    period: int | None


_FIELDS: dict[str, _Field] = {
    "year": _Field(pc.year, 0, None),
    "quarter": _Field(pc.quarter, 1, 4),
    "month": _Field(pc.month, 1, 12),
    "day": _Field(pc.day, 1, 31),
    "day_of_year": _Field(pc.day_of_year, 1, 366),
    "weekday": _Field(pc.day_of_week, 0, 7),
    "hour": _Field(pc.hour, 0, 24),
    "minute": _Field(pc.minute, 0, 60),
    "second": _Field(pc.second, 0, 60),
}


@dataclass(frozen=True)
class Dated(Fitted):
    """A moment becomes a part of it, or the point on the unit circle where the part's hand stands; a null stays null.

    As a vector a null is (NaN, NaN).
    """

    part: str
    cyclic: bool

    def apply(self, array: pa.Array) -> pa.Array:
        """Take the part.

        Raises:
            ValueError: a text is no date.
        """
        if pa.types.is_string(array.type):
            array = moments_of(array)
        field = _FIELDS[self.part]
        numbers = field.take(array).cast(pa.int64())
        if not self.cyclic:
            return numbers
        turns = pc.multiply(pc.subtract(numbers, field.first).cast(pa.float64()), 2 * pi / (field.period or 1))
        point = np.empty((len(numbers), 2), np.float32)
        point[:, 0], point[:, 1] = floats_of(pc.sin(turns)), floats_of(pc.cos(turns))
        return pa.FixedSizeListArray.from_arrays(pa.array(point.reshape(-1)), 2)

    def summary(self, taken: Summary) -> Summary:
        """Count parts instead of moments."""
        return taken.mapped(ValueType.VECTOR if self.cyclic else ValueType.INTEGER, self.apply)

    def to_json(self) -> Mapping[str, Any]:
        """Return nothing: the parameters say it all."""
        return {}

    def width(self) -> int | None:
        """Return 2 for points."""
        return 2 if self.cyclic else None

    def names(self, feature: str) -> list[str]:
        """Name the feature, or sine and cosine."""
        return [f"{feature}.sin", f"{feature}.cos"] if self.cyclic else [feature]


def moments_of(array: pa.Array) -> pa.Array:
    """Return the moments that ISO 8601 texts name; those with an offset from UTC are brought to UTC.

    Raises:
        ValueError: a text is no date.
    """
    zoned = pc.match_substring_regex(array, _ZONE)
    try:
        if not pc.any(zoned, min_count=0).as_py():
            return array.cast(_MOMENT)
        plain = pc.if_else(zoned, None, array).cast(_MOMENT)
        there = pc.if_else(zoned, array, None).cast(pa.timestamp("us", "UTC")).cast(_MOMENT)
    except pa.ArrowInvalid:
        raise ValueError(f"{_first_bad(array)!r} is no date; write 2026-03-01 or 2026-03-01T18:30:00") from None
    return pc.coalesce(plain, there)


def _first_bad(array: pa.Array) -> str:
    for number in range(len(array)):
        try:
            one = array.slice(number, 1)
            zoned = pc.any(pc.match_substring_regex(one, _ZONE), min_count=0).as_py()
            one.cast(pa.timestamp("us", "UTC") if zoned else _MOMENT)
        except pa.ArrowInvalid:
            break
    return str(array[number].as_py())


class DatePart(Method):
    """Take one part of timestamps, or of ISO 8601 texts (`2026-03-01`, `2026-03-01 18:30`, `2026-03-01T18:30:00Z`).

    Texts with an offset from UTC are brought to UTC first, others are taken as they are. A text that is no date is an
    error. The parts are `year`, `quarter` (1 to 4), `month` (1 to 12), `day` (1 to 31), `day_of_year` (1 to 366),
    `weekday` (0 is Monday, as in pandas), `hour`, `minute` and `second`, in the Gregorian calendar.

    It gives one integer, and a null stays null. With `cyclic` it gives a vector of two floats, sin and cos of
    2 pi (part - first) / period, so that December lies beside January; the period is the largest number of values
    that the part has (31 for days, 366 for days of the year). A null gives (NaN, NaN). Nothing is learned.

    Args:
        part: which part.
        cyclic: whether to give sine and cosine; not for years, which do not come again.
    """

    NAME = "date_part"
    TAKES = frozenset({ValueType.TIMESTAMP, ValueType.STRING})
    CARRIES: ClassVar[frozenset[Need]] = frozenset()  # parts are fewer than moments, so what follows counts those

    part: Part
    cyclic: bool = False

    @model_validator(mode="after")
    def _check_period(self) -> Self:
        if self.cyclic and _FIELDS[self.part].period is None:
            raise ValueError(f"{self.part} does not come again, so it cannot be cyclic")
        return self

    def gives(self, taken: ValueType) -> ValueType:
        """Give integers or vectors."""
        return ValueType.VECTOR if self.cyclic else ValueType.INTEGER

    def fit(self, summary: Summary) -> Fitted:
        """Learn nothing."""
        return Dated(self.part, self.cyclic)

    def load(self, taken: ValueType, row: Mapping[str, Any], arrays: Arrays) -> Fitted:
        """Read nothing."""
        return Dated(self.part, self.cyclic)
