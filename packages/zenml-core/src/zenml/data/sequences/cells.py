"""CellMaker: sorted rows become cells, in sequences that end at gaps, on a grid of times if wished."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from zenml.data.sequences.plan import FeaturePlan, SequencePlan
from zenml.data.sequences.resampling import COUNT, METHODS
from zenml.data.shuffle import SortedRows

MOST_CELLS = 1 << 21
"""Cells that are made at a time."""


@dataclass(frozen=True)
class Cells:
    """Cells that follow each other.

    Args:
        fixed: columns that no filling touches: those of the key, and the time.
        features: the columns that go into windows.
        fresh: which cells begin a sequence.
    """

    fixed: list[pa.Array]
    features: list[pa.Array]
    fresh: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.fresh)

    def slice(self, start: int) -> Cells:
        """Return the cells from `start` on."""
        return Cells([a.slice(start) for a in self.fixed], [a.slice(start) for a in self.features], self.fresh[start:])

    def then(self, more: Cells) -> Cells:
        """Return these cells and `more` after them."""
        return Cells(
            [pa.concat_arrays(pair) for pair in zip(self.fixed, more.fixed, strict=True)],
            [pa.concat_arrays(pair) for pair in zip(self.features, more.features, strict=True)],
            np.concatenate([self.fresh, more.fresh]),
        )


class CellMaker:
    """Makes the cells of one partition.

    Args:
        plan: what to do.
        most: cells to make at a time.
    """

    def __init__(self, plan: SequencePlan, most: int = MOST_CELLS) -> None:
        self._plan = plan
        self._most = most
        self._held: SortedRows | None = None
        self._last: tuple[int, int] | None = None

    def feed(self, more: SortedRows | None) -> Iterator[Cells]:
        """Take the next rows, or None at the end, and yield the cells that no later row can change."""
        final = more is None
        rows = _joined(self._held, more)
        self._held = None
        while rows is not None and len(rows.codes):
            fresh, starts, ahead = self._groups(rows)
            usable = len(starts) if final or not self._plan.rate else len(starts) - 1
            fits = max(1, int(np.searchsorted(np.cumsum(ahead + 1), self._most, side="right")))
            end = int(np.append(starts, len(rows.codes))[min(usable, fits)])
            if end:
                count = min(usable, fits)
                yield self._cells(rows, end, fresh, starts[:count], ahead[:count])
                self._last = int(rows.codes[end - 1]), int(rows.times[end - 1])
            rows = _from(rows, end)
            if usable <= fits:
                break
        self._held = rows

    def _groups(self, rows: SortedRows) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return which rows begin a sequence, where each cell begins, and how many empty cells come before each."""
        code, time = self._last or (-1, 0)
        codes, times = np.append(code, rows.codes), np.append(time, rows.times)
        fresh = codes[1:] != codes[:-1]
        if self._plan.gap:
            fresh |= times[1:] - times[:-1] > self._plan.gap
        rate = self._plan.rate
        if not rate:
            every = np.arange(len(rows.codes))
            return fresh, every, np.zeros(len(every), np.int64)
        numbers = times // rate
        edges = fresh | (numbers[1:] != numbers[:-1])
        edges[0] = True
        starts = np.flatnonzero(edges)
        ahead = np.where(fresh[starts], 0, numbers[1:][starts] - numbers[:-1][starts] - 1)
        return fresh, starts, ahead

    def _cells(
        self,
        rows: SortedRows,
        end: int,
        fresh: npt.NDArray[np.bool_],
        starts: npt.NDArray[np.int64],
        ahead: npt.NDArray[np.int64],
    ) -> Cells:
        plan = self._plan
        table = rows.rows.slice(0, end)
        features = [_typed(table.column(feature.name), feature) for feature in plan.features]
        keys = [table.column(name) for name in plan.key_names]
        if not plan.rate:
            return Cells([*keys, table.column(plan.time)], features, fresh[:end])
        made = [
            METHODS[feature.resampling](array, starts) for array, feature in zip(features, plan.features, strict=True)
        ]
        own = np.cumsum(ahead + 1) - 1
        cells = np.arange(int(own[-1]) + 1)
        group = np.repeat(np.arange(len(starts)), ahead + 1)
        numbers = (rows.times[starts] // plan.rate)[group] - (own[group] - cells)
        begins = np.zeros(len(cells), np.bool_)
        begins[own] = fresh[starts]
        first_rows = pa.array(starts[group])
        if ahead.any():
            source = pa.array(group, mask=cells != own[group])
            made = [array.take(source) for array in made]
        made = [
            pc.fill_null(array, 0) if feature.resampling == COUNT else array.cast(feature.type.arrow, safe=False)
            for array, feature in zip(made, plan.features, strict=True)
        ]
        return Cells([*(key.take(first_rows) for key in keys), plan.clock.write(numbers * plan.rate)], made, begins)


def _typed(array: pa.Array, feature: FeaturePlan) -> pa.Array:
    """Return a column with floats that are not a number as missing; without resampling, in the type of the windows."""
    if pa.types.is_floating(array.type):
        nan: Any = pc.is_nan(array)
        if pc.any(nan).as_py():
            array = pc.if_else(nan, pa.scalar(None, array.type), array)
    return array if feature.resampling else array.cast(feature.type.arrow, safe=False)


def _joined(first: SortedRows | None, second: SortedRows | None) -> SortedRows | None:
    if first is None or second is None:
        return first or second
    return SortedRows(
        pa.concat_batches([first.rows, second.rows]),
        np.concatenate([first.codes, second.codes]),
        np.concatenate([first.times, second.times]),
    )


def _from(rows: SortedRows, start: int) -> SortedRows | None:
    if start >= len(rows.codes):
        return None
    return SortedRows(rows.rows.slice(start), rows.codes[start:], rows.times[start:])
