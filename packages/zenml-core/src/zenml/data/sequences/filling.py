"""Filling: values for the cells of a sequence that have none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

FORWARD, BACKWARD, CONSTANT, MEAN = "forward", "backward", "constant", "mean"
METHODS = (FORWARD, BACKWARD, CONSTANT, MEAN)
"""Names of the methods; `mean` comes with the column's mean, and is a constant from there on."""

Starts = npt.NDArray[np.int64]


def fill(array: pa.Array, starts: Starts, fillings: Sequence[tuple[str, Any]]) -> pa.Array:
    """Fill a column, method after method.

    Args:
        array: the cells of one or more sequences.
        starts: where each of them begins; the first is 0.
        fillings: names of methods, with the value of a constant.
    """
    for method, value in fillings:
        if not array.null_count:
            break
        if method == FORWARD:
            array = _forward(array, starts)
        elif method == BACKWARD:
            array = _backward(array, starts)
        elif value is not None:
            array = pc.fill_null(array, pa.scalar(value, array.type))
    return array


def pending(array: pa.Array, start: int, fillings: Sequence[tuple[str, Any]]) -> int:
    """Return how many cells at the end of an open sequence may yet be filled from cells to come.

    Args:
        array: the cells, not filled.
        start: where the open sequence begins.
        fillings: as for `fill`.
    """
    names = [name for name, value in fillings if value is not None or name in (FORWARD, BACKWARD)]
    before = next((place for place, name in enumerate(names) if name in (CONSTANT, MEAN)), len(names))
    if BACKWARD not in names[:before]:
        return 0
    valid = np.flatnonzero(array.slice(start).is_valid().to_numpy(zero_copy_only=False))
    count = len(array) - start
    if not len(valid):
        return count
    return 0 if FORWARD in names[: names.index(BACKWARD)] else count - 1 - int(valid[-1])


def _forward(array: pa.Array, starts: Starts) -> pa.Array:
    count = len(array)
    valid = array.is_valid().to_numpy(zero_copy_only=False)
    rows = np.maximum.accumulate(np.where(valid, np.arange(count), -1))
    begins = np.repeat(starts, np.diff(np.append(starts, count)))
    return array.take(pa.array(rows, mask=rows < begins))


def _backward(array: pa.Array, starts: Starts) -> pa.Array:
    count = len(array)
    valid = array.is_valid().to_numpy(zero_copy_only=False)
    rows = np.minimum.accumulate(np.where(valid, np.arange(count), count)[::-1])[::-1]
    borders = np.append(starts, count)
    ends = np.repeat(borders[1:], np.diff(borders))
    return array.take(pa.array(rows, mask=rows >= ends))
