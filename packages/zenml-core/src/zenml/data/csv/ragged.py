"""Ragged rows: those with another number of cells than the header, and where they stand among the others."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from zenml.data.tables.bad_rows import LeftOutRows, bad_rows
from zenml.data.tables.problems import SHOWN

_FEW, _MANY = "too few cells", "too many cells"
_PACK = 1 << 12


class RaggedRows:
    """The rows with another number of cells than the header, which Arrow tells before the batch that they stand in.

    Args:
        left_out: says what is wanted of them.
    """

    def __init__(self, left_out: LeftOutRows) -> None:
        self.count = 0
        self.first: list[tuple[int, int, int]] = []
        self._left_out = left_out
        self._before = array("q")  # how many well-formed rows stand before each that was not passed by
        self._passed = 0
        self._held: list[pa.RecordBatch] = []
        self._waited = 0
        self._clear()

    def _clear(self) -> None:
        self._numbers = array("q")
        self._reasons: list[str] = []
        self._texts: list[bytes] = []

    @property
    def waiting(self) -> int:
        """Return how many were not taken yet."""
        held: int = sum(batch.num_rows for batch in self._held)
        return len(self._numbers) + held

    def add(self, row: Any) -> str:
        """Take a row from Arrow, as its handler of invalid rows."""
        if self.count < SHOWN:
            self.first.append((row.number, row.expected_columns, row.actual_columns))
        self._before.append(row.number - 1 - self.count)
        self.count += 1
        if self._left_out.drop:
            self._numbers.append(row.number)
            self._reasons.append(_FEW if row.actual_columns < row.expected_columns else _MANY)
            if self._left_out.keep:
                self._texts.append(row.text.encode("latin-1"))
            if len(self._numbers) >= _PACK:
                self._pack()
        return "skip"

    def _pack(self) -> None:
        texts = self._texts if self._left_out.keep else None
        self._held.append(bad_rows(self._numbers, None, self._reasons, texts))
        self._clear()

    def number(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the numbers of rows, from 1, that have these places among the well-formed ones."""
        passed = np.searchsorted(np.array(self._before, np.int64), places, side="right")
        numbers: npt.NDArray[np.int64] = places + 1 + self._passed + passed
        return numbers

    def pass_by(self, rows: int) -> None:
        """Forget where those are that stand before the end of so many well-formed rows."""
        count = bisect_left(self._before, rows)
        del self._before[:count]
        self._passed += count

    def take(self, rows: int | None = None) -> pa.RecordBatch:
        """Return those that stand before the end of so many well-formed rows, or all, as `bad_rows`.

        Arrow reads at most one batch ahead, so that those which waited at the last call are due too.
        """
        self._pack()
        batch = pa.concat_batches(self._held)
        count = batch.num_rows
        if rows is not None:
            last = self.number(np.array([rows - 1]))[0] if rows else 0
            count = max(int(np.searchsorted(batch.column("row").to_numpy(), last)), self._waited)
        self._held = [batch.slice(count)] if count < batch.num_rows else []
        self._waited = batch.num_rows - count
        return batch.slice(0, count)


def in_order(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    """Return bad rows in the order of their numbers."""
    batch = pa.concat_batches(batches)
    return batch.take(pa.array(np.argsort(batch.column("row").to_numpy(), kind="stable")))
