"""Clock: the times of a column as whole ticks since 1970, and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from zenml.data.schema import LogicalType
from zenml.data.times import read_times

SCALES = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": 1}
"""Ticks in a unit of a column of numbers; a tick is a microsecond, or a nanosecond where that is the unit."""

_MOST = 1 << 62


@dataclass(frozen=True)
class Ticks:
    """The times of some rows.

    Args:
        values: ticks; unspecified where there is none.
        usable: which rows have a time.
        empty: how many rows have no time.
        bad: how many have something else there, or a time beyond the range of ticks.
        example: one of these cells, as text.
    """

    values: npt.NDArray[np.int64]
    usable: npt.NDArray[np.bool_]
    empty: int
    bad: int
    example: str


@dataclass(frozen=True)
class Clock:
    """Reads and writes the times of a column.

    Args:
        type: its logical type.
        unit: of numbers, see `SCALES`.
    """

    type: LogicalType
    unit: str = "s"

    @property
    def nanoseconds(self) -> int:
        """Return the nanoseconds in a tick."""
        return 1 if self.type.numeric and self.unit == "ns" else 1_000

    @property
    def grain(self) -> int:
        """Return how many ticks apart the times at least are that a column of this type can hold."""
        return SCALES[self.unit] if self.type is LogicalType.INTEGER else 1

    def read(self, array: pa.Array) -> Ticks:
        """Return the times in a column."""
        times = read_times(array)
        values, usable, bad = times.values, ~times.missing, times.bad_rows
        example = times.bad[0] if times.bad else ""
        scale = SCALES[self.unit] if self.type.numeric else 1
        beyond = usable & ((values > _MOST / scale) | (values < -_MOST / scale))
        if beyond.any():
            example = example or str(values[beyond][0])
            usable, values = usable & ~beyond, np.where(beyond, 0, values)
            bad += int(np.count_nonzero(beyond))
        ticks = np.rint(np.where(usable, values, 0) * scale) if values.dtype.kind == "f" else values * scale
        empty = len(values) - int(np.count_nonzero(usable)) - bad
        return Ticks(ticks.astype(np.int64, copy=False), usable, empty, bad, example)

    def write(self, ticks: npt.NDArray[np.int64]) -> pa.Array:
        """Return ticks as cells of the column's type; texts are in ISO 8601, UTC."""
        if self.type is LogicalType.INTEGER:
            return pa.array(ticks // SCALES[self.unit])
        if self.type is LogicalType.FLOAT:
            return pa.array(ticks / SCALES[self.unit])
        stamps = pa.array(ticks).cast(pa.timestamp("us"))
        if self.type is LogicalType.TIMESTAMP:
            return stamps
        return pc.strftime(stamps if (ticks % 1_000_000).any() else stamps.cast(pa.timestamp("s")), "%Y-%m-%dT%H:%M:%S")
