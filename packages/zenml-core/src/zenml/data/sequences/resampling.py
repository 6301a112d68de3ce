"""Resampling: the rows of a cell of the grid as one value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Starts = npt.NDArray[np.int64]
Resample = Callable[[pa.Array, Starts], pa.Array]


def _last(array: pa.Array, starts: Starts) -> pa.Array:
    """Return the last value of each cell, in the order of time."""
    rows = np.arange(len(array))
    rows = np.maximum.accumulate(np.where(_valid(array), rows, -1))
    picked = rows[np.append(starts[1:], len(array)) - 1]
    return array.take(pa.array(picked, mask=picked < starts))


def _first(array: pa.Array, starts: Starts) -> pa.Array:
    """Return the first value of each cell, in the order of time."""
    count = len(array)
    rows = np.where(_valid(array), np.arange(count), count)
    picked = np.minimum.accumulate(rows[::-1])[::-1][starts]
    return array.take(pa.array(picked, mask=picked >= np.append(starts[1:], count)))


def _count(array: pa.Array, starts: Starts) -> pa.Array:
    """Return the number of values in each cell."""
    return pa.array(np.add.reduceat(_valid(array).astype(np.int64), starts))


def _sum(array: pa.Array, starts: Starts) -> pa.Array:
    """Return the sum of each cell's values; none where there are none."""
    return pa.array(np.add.reduceat(_numbers(array, 0), starts), mask=_without(array, starts))


def _mean(array: pa.Array, starts: Starts) -> pa.Array:
    """Return the arithmetic mean of each cell's values; none where there are none."""
    counts = np.add.reduceat(_valid(array).astype(np.int64), starts)
    sums = np.add.reduceat(_numbers(array, 0).astype(np.float64), starts)
    return pa.array(sums / np.maximum(counts, 1), mask=counts == 0)


def _least(array: pa.Array, starts: Starts) -> pa.Array:
    top: float | int = np.inf if pa.types.is_floating(array.type) else np.iinfo(np.int64).max
    return pa.array(np.minimum.reduceat(_numbers(array, top), starts), mask=_without(array, starts))


def _greatest(array: pa.Array, starts: Starts) -> pa.Array:
    low: float | int = -np.inf if pa.types.is_floating(array.type) else np.iinfo(np.int64).min
    return pa.array(np.maximum.reduceat(_numbers(array, low), starts), mask=_without(array, starts))


COUNT = "count"
ANY_TYPE: Mapping[str, Resample] = {"first": _first, "last": _last, COUNT: _count}
"""Methods for columns of every type."""

METHODS: Mapping[str, Resample] = {**ANY_TYPE, "mean": _mean, "min": _least, "max": _greatest, "sum": _sum}
"""All methods by name; those that are not in `ANY_TYPE` take numbers."""


def _valid(array: pa.Array) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = array.is_valid().to_numpy(zero_copy_only=False)
    return found


def _numbers(array: pa.Array, missing: float | int) -> npt.NDArray[Any]:
    found: npt.NDArray[Any] = pc.fill_null(array, missing).to_numpy(zero_copy_only=False)
    return found


def _without(array: pa.Array, starts: Starts) -> npt.NDArray[np.bool_] | None:
    """Return which cells have no value, or None where all have one."""
    if not array.null_count:
        return None
    empty: npt.NDArray[np.bool_] = np.add.reduceat(_valid(array).astype(np.int64), starts) == 0
    return empty
