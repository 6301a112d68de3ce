"""BatchView: a split in batches of any size, shuffled across its shards, as NumPy arrays.

Rows are taken window by window: a window holds as many rows as fit into a fixed number of bytes, whatever the size of
the data. Small data are one window, which is read once and permuted anew in each epoch. Of larger data each epoch draws
small chunks of rows from all shards in a random order, fills a window with them and permutes its rows; while its
batches are used, a thread makes the next one. A batch is a slice of a window: taking it copies nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from zenml.steps.trainer.reader import SplitReader

WINDOW_BYTES = 64 << 20
"""How much of the data is shuffled together."""

_ORDERED_BYTES = 16 << 20
"""How much is read at once where nothing is shuffled."""

_CHUNKS = 64
"""Of how many chunks a window is made at least."""

_CHUNK_ROWS = 4096

Arrays: TypeAlias = tuple[npt.NDArray[Any], ...]
"""Arrays with a row for each row of a batch."""

Prepare: TypeAlias = "Callable[[npt.NDArray[np.float32], dict[str, npt.NDArray[Any]]], Arrays]"
"""Makes of features (rows, width) and labels by name what a model is trained on; called once per window."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of a record batch: its file, its number there, the first row and the row after the last."""

    file: int
    batch: int
    start: int
    stop: int

    @property
    def rows(self) -> int:
        """How many rows."""
        return self.stop - self.start


def as_they_are(features: npt.NDArray[np.float32], labels: dict[str, npt.NDArray[Any]]) -> Arrays:
    """Return the features, then each label."""
    return (features, *labels.values())


class BatchView:
    """Batches of a split; the same seed, epoch and batch size give the same batches, whoever reads them.

    Args:
        reader: the split.
        batch_size: rows in a batch; of several processes that train together, in that of all of them.
        seed: of the order of the rows; None for the order of the shards, which is the same in each epoch.
        prepare: makes the arrays of which batches are slices; by default the features, then each label.
        rank: number of this process among those that train together; each gets its own part of every batch.
        world: how many processes train together.
        window_bytes: how much is shuffled together; less is read at once where nothing is.
    """

    def __init__(
        self,
        reader: SplitReader,
        batch_size: int,
        *,
        seed: int | None = None,
        prepare: Prepare = as_they_are,
        rank: int = 0,
        world: int = 1,
        window_bytes: int = WINDOW_BYTES,
    ) -> None:
        self._reader = reader
        self.batch_size = batch_size
        self._seed = seed
        self._prepare = prepare
        self._rank, self._world = rank, world
        bytes_per_row = 4 * reader.width + 8 * len(reader.labels)
        most = window_bytes if seed is not None else min(window_bytes, _ORDERED_BYTES)
        self._window_rows = max(batch_size, most // bytes_per_row, 1)
        self._whole: Arrays | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._ahead: dict[tuple[int, int], Future[Arrays]] = {}

    @property
    def rows(self) -> int:
        """The number of rows of the split."""
        return self._reader.rows

    def __len__(self) -> int:
        """Return the number of batches of an epoch, the last of which may be smaller."""
        return -(-self.rows // self.batch_size)

    def epoch(self, number: int = 1, *, skip: int = 0) -> Iterator[Arrays]:
        """Yield the batches of an epoch; those of a view that shuffles may be written to, and are not used again.

        Of the arrays of a batch each process gets its own rows, as evenly as they can be shared; the last batch may
        leave a process without any.

        Args:
            number: of the epoch.
            skip: how many batches to pass over, as where a training goes on amid an epoch.
        """
        if self._world == 1:
            yield from self._batches(number, skip)
            return
        for arrays in self._batches(number, skip):
            rows = len(arrays[0])
            mine = slice(rows * self._rank // self._world, rows * (self._rank + 1) // self._world)
            yield tuple(array[mine] for array in arrays)

    def _batches(self, epoch: int, skip: int) -> Iterator[Arrays]:
        size, rest = self.batch_size, None
        for window in self._windows(epoch):
            start, rows = 0, len(window[0])
            if rest is not None:
                start = min(size - len(rest[0]), rows)
                rest = tuple(np.concatenate([old, new[:start]]) for old, new in zip(rest, window, strict=True))
                if len(rest[0]) < size:
                    continue
                if skip <= 0:
                    yield rest
                rest, skip = None, skip - 1
            while start + size <= rows:
                if skip <= 0:
                    stop = start + size
                    yield tuple([array[start:stop] for array in window])
                start, skip = start + size, skip - 1
            if start < rows:
                rest = tuple(array[start:] for array in window)
        if rest is not None and skip <= 0:
            yield rest

    def _windows(self, epoch: int) -> Iterator[Arrays]:
        plan = self._plan(epoch)
        for number in range(len(plan)):
            ready = self._ahead.pop((epoch, number), None)
            self._ahead.clear()
            window = ready.result() if ready else self._make(plan, epoch, number)
            if number + 1 < len(plan):
                self._ahead[epoch, number + 1] = self._thread.submit(self._make, plan, epoch, number + 1)
            elif self._seed is not None:
                following = self._plan(epoch + 1)
                self._ahead[epoch + 1, 0] = self._thread.submit(self._make, following, epoch + 1, 0)
            yield window
            del window

    def _plan(self, epoch: int) -> Sequence[Sequence[Chunk]]:
        """Return the chunks of each window of an epoch."""
        chunks = self._chunks
        if len(self._in_order) == 1 or self._seed is None:
            return self._in_order
        order = np.random.default_rng([self._seed, epoch]).permutation(len(chunks))
        return _windows([chunks[number] for number in order], self._window_rows)

    @cached_property
    def _chunks(self) -> list[Chunk]:
        most = max(1, min(_CHUNK_ROWS, self._window_rows // _CHUNKS))
        return [
            Chunk(file, batch, start, min(start + most, rows))
            for file, batches in enumerate(self._reader.batch_rows)
            for batch, rows in enumerate(batches)
            for start in range(0, rows, most)
        ]

    @cached_property
    def _in_order(self) -> list[list[Chunk]]:
        return _windows(self._chunks, self._window_rows)

    def _make(self, plan: Sequence[Sequence[Chunk]], epoch: int, number: int) -> Arrays:
        """Return a window with its rows in the order of an epoch."""
        if len(plan) > 1:
            arrays = self._prepare(*self._reader.take(plan[number]))
        else:
            if self._whole is None:
                self._whole = self._prepare(*self._reader.take(plan[number]))
            arrays = self._whole
        if self._seed is None:
            return arrays
        order = np.random.default_rng([self._seed, epoch, number]).permutation(len(arrays[0]))
        return tuple(array.take(order, axis=0) for array in arrays)


def _windows(chunks: Sequence[Chunk], most: int) -> list[list[Chunk]]:
    """Return chunks in groups of at most so many rows; the chunks of a group lie in the order of their files."""
    found: list[list[Chunk]] = []
    rows = most
    for chunk in chunks:
        if rows + chunk.rows > most:
            found.append([])
            rows = 0
        found[-1].append(chunk)
        rows += chunk.rows
    return [sorted(group, key=lambda chunk: (chunk.file, chunk.batch, chunk.start)) for group in found]


def by_file(chunks: Sequence[Chunk]) -> dict[int, list[Chunk]]:
    """Return chunks by their file."""
    found: dict[int, list[Chunk]] = defaultdict(list)
    for chunk in chunks:
        found[chunk.file].append(chunk)
    return found
