"""Cells: a column's map entries as Arrow binary arrays, ready to be joined into records."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from zenml.data.tfrecord._wire import Column, Kind, entry_head

Integers = npt.NDArray[np.int64]


class Cells(ABC):
    """The map entries of one column of a batch; a null is no entry."""

    @abstractmethod
    def block(self, start: int, stop: int) -> list[pa.Array]:
        """Return the pieces (binary arrays, null where there is no entry) that make the entries of some rows."""


class FixedCells(Cells):
    """Entries of a float column: a head that is always the same, and four bytes."""

    def __init__(self, column: Column, values: pa.FloatArray) -> None:
        self._head = np.frombuffer(entry_head(column.key, Kind.FLOAT, 4), np.uint8)
        self._values = values

    def block(self, start: int, stop: int) -> list[pa.Array]:
        """Fill the values into copies of the head."""
        values = self._values.slice(start, stop - start)
        valid = None
        if values.null_count:
            valid = pa.py_buffer(np.packbits(values.is_valid().to_numpy(zero_copy_only=False), bitorder="little"))
            values = values.fill_null(0.0)
        size = len(self._head)
        rows = np.empty((len(values), size + 4), np.uint8)
        rows[:, :size] = self._head
        rows[:, size:] = values.to_numpy().astype("<f4", copy=False).view(np.uint8).reshape(-1, 4)
        return [binary_array(rows.reshape(-1), np.full(len(values), size + 4), valid)]


class TableCells(Cells):
    """Entries of a column with few distinct values: a table of entries, and for each row where in it."""

    def __init__(self, entries: pa.BinaryArray, indices: pa.Array) -> None:
        self._entries = entries
        self._indices = indices

    def block(self, start: int, stop: int) -> list[pa.Array]:
        """Look the entries up."""
        return [self._entries.take(self._indices.slice(start, stop - start))]


class IntegerCells(Cells):
    """Entries of an integer column with many distinct values: made for each varint length, then put in row order."""

    def __init__(self, column: Column, values: pa.Int64Array) -> None:
        self._key = column.key
        self._values = values

    def block(self, start: int, stop: int) -> list[pa.Array]:
        """Encode the block's integers."""
        values = self._values.slice(start, stop - start)
        if not values.null_count:
            return [integer_entries(self._key, values.to_numpy())]
        entries = integer_entries(self._key, values.drop_null().to_numpy())
        valid = values.is_valid().to_numpy(zero_copy_only=False)
        return [entries.take(pa.array(np.cumsum(valid) - 1, mask=~valid))]


class BytesCells(Cells):
    """Entries of a string or bytes column: heads by length, and the values as they are."""

    def __init__(self, column: Column, values: pa.BinaryArray) -> None:
        self._key = column.key
        self._values = values

    def block(self, start: int, stop: int) -> list[pa.Array]:
        """Look the heads up by length."""
        values = self._values.slice(start, stop - start)
        lengths = pc.binary_length(values).dictionary_encode()
        heads = [entry_head(self._key, Kind.BYTES, size) for size in lengths.dictionary.to_pylist()]
        return [pa.array(heads, pa.binary()).take(lengths.indices), values]


def cells_of(column: Column, values: pa.Array) -> Cells:
    """Choose how to encode a column.

    Args:
        column: the column.
        values: float32, int64, boolean or binary.
    """
    if column.kind is Kind.FLOAT:
        return FixedCells(column, values)
    if column.kind is Kind.BYTES:
        return _cells_of_bytes(column, values)
    if pa.types.is_boolean(values.type):
        return TableCells(integer_entries(column.key, np.arange(2)), values.cast(pa.int8()))
    if values.null_count == len(values):
        return TableCells(integer_entries(column.key, np.arange(1)), values)
    bounds = pc.min_max(values)
    low, high = bounds["min"].as_py(), bounds["max"].as_py()
    if high - low <= max(1024, len(values) // 4):
        # A range up to high + 1 would overflow at the largest integer.
        return TableCells(integer_entries(column.key, low + np.arange(high - low + 1)), pc.subtract(values, low))
    return IntegerCells(column, values)


def _cells_of_bytes(column: Column, values: pa.BinaryArray) -> Cells:
    sample = values.slice(0, 1024)
    if len(sample.unique()) <= len(sample) // 4:
        coded = values.dictionary_encode()
        if len(coded.dictionary) <= len(values) // 4:
            heads, tails = BytesCells(column, coded.dictionary).block(0, len(coded.dictionary))
            return TableCells(pc.binary_join_element_wise(heads, tails, b""), coded.indices)
    return BytesCells(column, values)


def integer_entries(key: bytes, values: Integers) -> pa.BinaryArray:
    """Return the map entry of each integer."""
    bits = values.astype(np.int64, copy=False).view(np.uint64)
    sizes = varint_sizes(bits)
    low, high = varints(bits, sizes)
    parts, lengths, places = [], [], []
    for size in np.unique(sizes).tolist():
        place = np.flatnonzero(sizes == size)
        head = np.frombuffer(entry_head(key, Kind.INT, size), np.uint8)
        rows = np.empty((len(place), len(head) + size), np.uint8)
        rows[:, : len(head)] = head
        first = min(size, 8)
        rows[:, len(head) : len(head) + first] = low[place, :first]
        if size > 8:
            rows[:, len(head) + 8 :] = high[place, : size - 8]
        parts.append(rows.reshape(-1))
        lengths.append(np.full(len(place), rows.shape[1]))
        places.append(place)
    if not parts:
        return pa.array([], pa.binary())
    entries = binary_array(np.concatenate(parts), np.concatenate(lengths))
    if len(parts) == 1:
        return entries
    order = np.empty(len(values), np.int64)
    order[np.concatenate(places)] = np.arange(len(values))
    return entries.take(pa.array(order))


def uniform_varints(values: Integers) -> npt.NDArray[np.uint8] | None:
    """Return the varint of each integer (rows by bytes), or None where they are not all of one size."""
    bits = values.view(np.uint64)
    # The largest number is the longest, so two sizes tell about all of them.
    sizes = varint_sizes(np.array([bits.min(), bits.max()]))
    if sizes[0] != sizes[1]:
        return None
    low, last = varints(bits, np.broadcast_to(sizes[:1], bits.shape))
    return np.ascontiguousarray(np.concatenate((low, last), axis=1)[:, : sizes[0]])


def varint_sizes(bits: npt.NDArray[np.uint64]) -> Integers:
    """Return how many bytes each number takes as a varint."""
    sizes = np.ones(len(bits), np.int64)
    top = int(bits.max(initial=np.uint64(0))).bit_length()
    for shift in range(7, top, 7):
        sizes += (bits >> np.uint64(shift)) != 0
    return sizes


def varints(bits: npt.NDArray[np.uint64], sizes: Integers) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Return the first eight and the last two bytes of each varint; what lies beyond its size has no meaning."""
    word = bits & np.uint64((1 << 56) - 1)
    for lane, shift in ((0x000000000FFFFFFF, 4), (0x00003FFF00003FFF, 2), (0x007F007F007F007F, 1)):
        keep = np.uint64(lane)
        word = (word & keep) | ((word & ~keep) << np.uint64(shift))
    word |= _CONTINUATION[sizes]
    last = np.empty((len(bits), 2), np.uint8)
    last[:, 0] = (bits >> np.uint64(56)) & np.uint64(0x7F) | ((sizes == 10).astype(np.uint64) << np.uint64(7))
    last[:, 1] = 1
    return word.astype("<u8", copy=False).view(np.uint8).reshape(-1, 8), last


_CONTINUATION = np.array([sum(0x80 << 8 * byte for byte in range(min(size - 1, 8))) for size in range(11)], np.uint64)
"""For a varint of so many bytes, the bits in its first eight that say that another byte follows."""


def binary_array(data: npt.NDArray[np.uint8], lengths: Integers, valid: pa.Buffer | None = None) -> pa.BinaryArray:
    """Make a binary array of consecutive pieces of `data`."""
    offsets = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    return pa.Array.from_buffers(pa.binary(), len(lengths), [valid, pa.py_buffer(offsets), pa.py_buffer(data)])
