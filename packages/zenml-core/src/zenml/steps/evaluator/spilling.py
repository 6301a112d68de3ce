"""Spilled: an array with an entry per row that grows on disk, and is read a slice at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


class Spilled:
    """An array that is written batch by batch.

    Args:
        path: the file, which is made at the first batch.
        dtype: the type of its numbers.
        width: numbers per row; 0 for an array of one dimension.
    """

    def __init__(self, path: Path, dtype: npt.DTypeLike, width: int = 0) -> None:
        path.unlink(missing_ok=True)
        self._path = path
        self._dtype = np.dtype(dtype)
        self._width = width
        self._rows = 0

    def append(self, values: npt.NDArray[Any]) -> None:
        """Add rows."""
        with self._path.open("ab") as file:
            file.write(np.ascontiguousarray(values, self._dtype).data)
        self._rows += len(values)

    def array(self) -> Any:
        """Return what reads the rows: something that can be used as an array as far as it is sliced."""
        return OnDisk(self._path, self._dtype, self._rows, self._width)


class OnDisk:
    """An array in a file; every slice of it is read into memory anew, so that nothing of it stays there.

    Args:
        path: the file; it may be missing where there are no rows.
        dtype: the type of its numbers.
        rows: how many rows it has.
        width: numbers per row; 0 for an array of one dimension.
        column: which of these it stands for, as an array of one dimension; None for all.
    """

    def __init__(self, path: Path, dtype: np.dtype[Any], rows: int, width: int, column: int | None = None) -> None:
        self.dtype = dtype
        self.shape = (rows, width) if width and column is None else (rows,)
        self._path, self._rows, self._width, self._column = path, rows, width, column

    def __len__(self) -> int:
        return self._rows

    def __getitem__(self, key: Any) -> Any:
        """Read the rows of a slice without steps; of `[:, number]` return the column, unread."""
        if isinstance(key, tuple):
            rows, column = key
            if rows == slice(None):
                return OnDisk(self._path, self.dtype, self._rows, self._width, column)
            return self[rows][:, column]
        start, stop, _ = key.indices(self._rows)
        per_row = self._width or 1
        count = max(0, stop - start)
        if count == 0:
            read = np.empty(0, self.dtype)
        else:
            offset = start * per_row * self.dtype.itemsize
            read = np.fromfile(self._path, self.dtype, count * per_row, offset=offset)
        if not self._width:
            return read
        table = read.reshape(count, self._width)
        return table if self._column is None else table[:, self._column]
