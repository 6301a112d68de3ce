"""Spilled: an array with an entry per row that grows on disk, so that memory holds a batch of it only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


class Spilled:
    """An array that is written batch by batch and then read as a memory-mapped file.

    Args:
        path: the file, which is made at the first batch.
        dtype: the type of its numbers.
        width: numbers per row; 0 for an array of one dimension.
    """

    def __init__(self, path: Path, dtype: npt.DTypeLike, width: int = 0) -> None:
        self._path = path
        self._dtype = np.dtype(dtype)
        self._width = width
        self._rows = 0
        path.unlink(missing_ok=True)

    def append(self, values: npt.NDArray[Any]) -> None:
        """Add rows."""
        with self._path.open("ab") as file:
            file.write(np.ascontiguousarray(values, self._dtype).data)
        self._rows += len(values)

    def array(self) -> npt.NDArray[Any]:
        """Return all rows; nothing may be added after this."""
        shape = (self._rows, self._width) if self._width else (self._rows,)
        if self._rows == 0:
            return np.empty(shape, self._dtype)
        return np.memmap(self._path, self._dtype, "r", shape=shape)
