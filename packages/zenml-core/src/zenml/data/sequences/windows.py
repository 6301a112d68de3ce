"""WindowMaker: cells become windows of equal length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from zenml.data.sequences.cells import Cells
from zenml.data.sequences.filling import fill, pending
from zenml.data.sequences.plan import SequencePlan

_ROWS = 1 << 16


@dataclass
class WindowCounts:
    """What became of the sequences: how many there were, how many too short for a window, and the longest one."""

    sequences: int = 0
    short: int = 0
    longest: int = 0

    def add(self, lengths: npt.NDArray[np.int64], window: int) -> None:
        """Count sequences that have ended."""
        if len(lengths):
            self.sequences += len(lengths)
            self.short += int(np.count_nonzero(lengths < window))
            self.longest = max(self.longest, int(lengths.max()))


class WindowMaker:
    """Makes the windows of one partition: a record batch of the plan's schema for each lot of cells.

    Args:
        plan: what to do.
    """

    def __init__(self, plan: SequencePlan) -> None:
        self.counts = WindowCounts()
        self._plan = plan
        self._schema = plan.schema.to_arrow()
        self._tail: Cells | None = None
        self._phase = 0
        self._gone = 0

    def feed(self, more: Cells | None) -> Iterator[pa.RecordBatch]:
        """Take the next cells, or None at the end, and yield the windows that no later cell can change."""
        cells = self._tail.then(more) if self._tail and more else self._tail or more
        if not cells:
            return
        plan, count, final = self._plan, len(cells), more is None
        starts = np.append(0, np.flatnonzero(cells.fresh[1:]) + 1)
        ends = np.append(starts[1:], count)
        filled = [
            fill(array, starts, feature.fillings) for array, feature in zip(cells.features, plan.features, strict=True)
        ]
        begin = int(starts[-1])
        ready = count - (0 if final else self._pending(cells, begin))

        limits = np.append(ends[:-1], ready)
        firsts = starts.copy()
        firsts[0] += self._phase
        room = limits - firsts - plan.length
        counts = np.where(room >= 0, room // plan.shift + 1, 0)
        total = int(counts.sum())
        places = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
        windows = np.repeat(firsts, counts) + plan.shift * places
        yield from self._batches(Cells(cells.fixed, filled, cells.fresh), windows)

        lengths = ends - starts
        lengths[0] += self._gone
        self.counts.add(lengths if final else lengths[:-1], plan.length)
        after = int(firsts[-1] + counts[-1] * plan.shift)
        keep = max(begin, min(after, ready - 1))
        self._gone = keep - begin + (self._gone if len(starts) == 1 else 0)
        self._phase = after - keep
        self._tail = None if final else self._rest(cells, filled, keep, ready)

    def _pending(self, cells: Cells, begin: int) -> int:
        found = zip(cells.features, self._plan.features, strict=True)
        return max((pending(array, begin, feature.fillings) for array, feature in found), default=0)

    def _rest(self, cells: Cells, filled: list[pa.Array], keep: int, ready: int) -> Cells:
        """Return the cells that later windows need: filled where nothing can change that."""
        features = [
            pa.concat_arrays([done.slice(keep, ready - keep), raw.slice(ready)]) if ready > keep else raw.slice(keep)
            for done, raw in zip(filled, cells.features, strict=True)
        ]
        return Cells([array.slice(keep) for array in cells.fixed], features, cells.fresh[keep:])

    def _batches(self, cells: Cells, windows: npt.NDArray[np.int64]) -> Iterator[pa.RecordBatch]:
        """Yield the windows that begin at some cells."""
        length = self._plan.length
        for first in range(0, len(windows), _ROWS):
            some = windows[first : first + _ROWS]
            arrays = [_moved(array, some, length - 1) for array in cells.fixed]
            arrays += [_moved(array, some, step) for array in cells.features for step in range(length)]
            yield pa.RecordBatch.from_arrays(arrays, schema=self._schema)


def _moved(array: pa.Array, places: npt.NDArray[np.int64], by: int) -> pa.Array:
    """Return the cells at places, moved on; without a copy where the places follow each other."""
    start = int(places[0]) + by
    if int(places[-1]) + by - start + 1 == len(places):
        return array.slice(start, len(places))
    return array.take(pa.array(places + by))
