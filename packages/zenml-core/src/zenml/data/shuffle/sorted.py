"""SortedPartition: the second half of a shuffle, in which a partition is read key after key and by time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from zenml.data.shuffle.codes import KeyCodes
from zenml.data.shuffle.partition import partition_batches

SORT_BYTES = 64 << 20
"""Bytes that are sorted in memory at a time; a larger partition is sorted on disk."""

_BLOCKS = 64
_RUN_BITS = 40
_CODE, _TIME, _ROW = "code", "time", "row"

RowOrder = Callable[[pa.RecordBatch], tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]]
"""Gives the times of some rows, by which they are sorted within their key, and which rows to keep at all."""


@dataclass(frozen=True)
class SortedRows:
    """Rows that follow each other in the order of their keys, their times and their places in the data.

    Args:
        rows: the rows.
        codes: numbers of their keys, see `KeyCodes`.
        times: their times.
    """

    rows: pa.RecordBatch
    codes: npt.NDArray[np.int64]
    times: npt.NDArray[np.int64]


@dataclass(frozen=True)
class SortedPartition:
    """One partition of a shuffle.

    Args:
        files: what `partition_rows` gave.
        partition: number of the partition.
        of: how many there are.
        columns: names of the columns to read.
        keys: names of those that make the key.
        order: gives the times; it is called once for every row, in the order of the data.
        scratch: a folder for what does not fit into memory.
        limit: bytes that are sorted at a time.
    """

    files: Sequence[str]
    partition: int
    of: int
    columns: Sequence[str]
    keys: Sequence[str]
    order: RowOrder
    scratch: Path
    limit: int = SORT_BYTES

    def read(self) -> Iterator[SortedRows]:
        """Stream the rows in order."""
        files: list[Path] = []
        with ExitStack() as stack:
            for parts, last in self._lots():
                if last and not files:
                    yield _sorted(parts)
                    return
                if not files:
                    self.scratch.mkdir(parents=True, exist_ok=True)
                    folder = Path(stack.enter_context(TemporaryDirectory(dir=self.scratch, prefix=".sort-")))
                files.append(folder / f"{len(files)}.arrow")
                _spill(_sorted(parts), len(files), files[-1])
            if files:
                yield from _merge(files)

    def _lots(self) -> Iterator[tuple[list[SortedRows], bool]]:
        """Yield the partition in lots of about the limit, not sorted yet, and whether a lot is the last one."""
        codes = KeyCodes(self.keys, lambda: partition_batches(self.files, self.partition, self.of, self.keys))
        held: list[SortedRows] = []
        size = 0
        for batch in partition_batches(self.files, self.partition, self.of, self.columns):
            for part in _parts(batch, self.limit):
                if size >= self.limit:
                    yield held, False
                    held, size = [], 0
                times, keep = self.order(part)
                kept = SortedRows(part, codes.of(part), times)
                held.append(kept if keep.all() else _filtered(kept, keep))
                size += part.nbytes + 2 * times.nbytes
        if held:
            yield held, True


def _parts(batch: pa.RecordBatch, limit: int) -> Iterator[pa.RecordBatch]:
    """Cut a batch into parts of at most about so many bytes."""
    rows = max(1, batch.num_rows * limit // max(1, batch.nbytes))
    for first in range(0, batch.num_rows, rows):
        yield batch.slice(first, rows)


def _filtered(part: SortedRows, keep: npt.NDArray[np.bool_]) -> SortedRows:
    return SortedRows(part.rows.filter(pa.array(keep)), part.codes[keep], part.times[keep])


def _sorted(parts: Sequence[SortedRows]) -> SortedRows:
    return _ordered(
        SortedRows(
            pa.concat_batches([part.rows for part in parts]),
            np.concatenate([part.codes for part in parts]),
            np.concatenate([part.times for part in parts]),
        )
    )


def _ordered(found: SortedRows) -> SortedRows:
    order = _order(found.codes, found.times)
    if order is None:
        return found
    return SortedRows(found.rows.take(pa.array(order)), found.codes[order], found.times[order])


def _order(codes: npt.NDArray[np.int64], times: npt.NDArray[np.int64]) -> npt.NDArray[np.int64] | None:
    """Return the stable order by code and time, or None where the rows are in it already."""
    rising = (codes[1:] > codes[:-1]) | ((codes[1:] == codes[:-1]) & (times[1:] >= times[:-1]))
    if rising.all():
        return None
    top = int(codes.max())
    narrow = codes.astype(np.uint16 if top < 1 << 16 else np.int64)  # NumPy sorts 16 bits by radix
    if (times[1:] >= times[:-1]).all():
        return np.argsort(narrow, kind="stable")
    by_time = np.argsort(times, kind="stable")
    return by_time[np.argsort(narrow[by_time], kind="stable")] if top else by_time


def _spill(run: SortedRows, number: int, file: Path) -> None:
    """Write a sorted run, with what it is sorted by, in small batches; runs and their rows are numbered."""
    count = run.rows.num_rows
    extra = {_CODE: run.codes, _TIME: run.times, _ROW: np.arange(count) + (number << _RUN_BITS)}
    arrays = [pa.array(values, pa.int64()) for values in extra.values()]
    fields = [pa.field(name, pa.int64()) for name in extra]
    schema = pa.schema([*fields, *run.rows.schema])
    batch = pa.RecordBatch.from_arrays([*arrays, *run.rows.columns], schema=schema)
    each = max(256, -(-count // _BLOCKS))
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for start in range(0, count, each):
            writer.write_batch(batch.slice(start, each))


def _merge(files: Sequence[Path]) -> Iterator[SortedRows]:
    """Merge sorted runs: of the first batch of each, all rows up to the least last row are next."""
    with ExitStack() as stack:
        sources = [stack.enter_context(pa.OSFile(str(file))) for file in files]
        readers = [stack.enter_context(pa.ipc.open_file(source)) for source in sources]
        heads = [_Head(_batches(reader)) for reader in readers]
        while heads := [head for head in heads if head.more()]:
            bound = min(head.last for head in heads)
            parts = [head.upto(bound) for head in heads]
            batch = pa.concat_batches([part for part in parts if part.num_rows])
            rows = SortedRows(
                batch.select(list(range(3, batch.num_columns))), batch.column(0).to_numpy(), batch.column(1).to_numpy()
            )
            yield _ordered(rows)  # parts stand in the order of the data, so a stable sort keeps that


def _batches(reader: pa.ipc.RecordBatchFileReader) -> Iterator[pa.RecordBatch]:
    for number in range(reader.num_record_batches):
        yield reader.get_batch(number)


class _Head:
    """What is left of the current batch of a run."""

    def __init__(self, stream: Iterator[pa.RecordBatch]) -> None:
        self._stream = stream
        self._batch: pa.RecordBatch | None = None

    def more(self) -> bool:
        """Read the next batch where the current one is used up; say whether there are rows."""
        while self._batch is None or not self._batch.num_rows:
            self._batch = next(self._stream, None)
            if self._batch is None:
                return False
        return True

    @property
    def last(self) -> tuple[int, int, int]:
        batch = self._current()
        end = batch.num_rows - 1
        return batch.column(0)[end].as_py(), batch.column(1)[end].as_py(), batch.column(2)[end].as_py()

    def upto(self, bound: tuple[int, int, int]) -> pa.RecordBatch:
        """Take away the rows up to a bound."""
        batch = self._current()
        low, high = 0, batch.num_rows
        for place, value in enumerate(bound):
            cells = batch.column(place).to_numpy()[low:high]
            low, high = (
                low + int(np.searchsorted(cells, value, side="left")),
                low + int(np.searchsorted(cells, value, side="right")),
            )
        self._batch = batch.slice(high)
        return batch.slice(0, high)

    def _current(self) -> pa.RecordBatch:
        assert self._batch is not None  # noqa: S101 - more() said so
        return self._batch
