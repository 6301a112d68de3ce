"""BlockReader: the columns of many records at once, by a cursor in each record.

Records whose keys are in order, as `encode_batch` and TensorFlow's deterministic serialisation write them, are read by
gathering eight bytes at every cursor and comparing them with what the column's map entry begins with. Whatever does not
fit that is left to `read_record`, so the result never depends on which way a record was read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from zenml.data.tfrecord._wire import ENTRY_VALUE, MESSAGE, Column, Kind, entry_head, varint

Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Bits = npt.NDArray[np.uint64]

PADDING = 64
"""Bytes behind a block, beyond the longest key, that a gather may touch."""

_VALUE_BYTES = {Kind.BYTES: 0, Kind.FLOAT: 4, Kind.INT: 10}

_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)

_MOST_BYTES = 4
"""Bytes of the longest length varint that is read here (256 MiB)."""


@dataclass(frozen=True)
class _Head:
    """What a column's map entry begins with while all its lengths take one byte.

    Args:
        size: how many bytes.
        least: the second byte when the value takes no byte.
        most: how many bytes a value may take for this head to be right; -1 when it never is.
        words: for each eight bytes: those of the head with a value of no bytes, what each byte of the value adds to
            them, and which bits count.
    """

    size: int
    least: int
    most: int
    words: tuple[tuple[np.uint64, np.uint64, np.uint64], ...]


def _head_of(column: Column) -> _Head:
    empty, one = entry_head(column.key, column.kind, 0), entry_head(column.key, column.kind, 1)
    most = 127 - empty[1] if len(empty) == len(one) and empty[1] < 128 else -1
    longest = {Kind.FLOAT: 4, Kind.INT: 10}.get(column.kind, most)
    words = []
    for start in range(0, len(empty), 8):
        first, second = empty[start : start + 8], one[start : start + 8]
        word = int.from_bytes(first, "little")
        step = int.from_bytes(second, "little") - word
        words.append((np.uint64(word), np.uint64(max(step, 0)), np.uint64((1 << 8 * len(first)) - 1)))
    return _Head(len(empty), empty[1], longest if longest <= most else -1, tuple(words))


class BlockReader:
    """Reads the columns of a block of records, in the order of their keys.

    Args:
        data: the bytes of the block, and `PADDING` and the longest key more.
        starts: where each record begins.
        stops: where each record ends.
    """

    def __init__(self, data: npt.NDArray[np.uint8], starts: Integers, stops: Integers) -> None:
        self._data = data
        self._stops = stops
        body, self._cursor = self._length(starts + 1)
        empty = starts == stops
        self._bad: Mask = ~empty & ((data[starts] != MESSAGE[0]) | (self._cursor + body != stops))
        self._cursor = np.where(empty | self._bad, stops, self._cursor)

    def read(self, column: Column) -> pa.Array:
        """Return a column as float32, int64 or binary, null where a record has no such feature, and move on."""
        head = _head_of(column)
        near = self._gather(self._cursor, head.size + _VALUE_BYTES[column.kind])
        words = near.view("<u8")
        sizes = ((words[:, 0] >> np.uint64(8)) & np.uint64(0xFF)) - np.uint64(head.least)
        there = sizes <= np.uint64(max(head.most, 0))
        for number, (base, step, mask) in enumerate(head.words):
            wanted = base + sizes * step if step else base
            there &= ((words[:, number] & mask) if mask != _ALL else words[:, number]) == wanted
        starts, counts, offset = self._cursor + head.size, sizes.view(np.int64), head.size
        if head.most < 0 or (column.kind is Kind.BYTES and not there.all()):
            self._find_long(column, head, there, starts, counts)
            if head.most < 0 and column.kind is not Kind.BYTES:
                near, offset = self._gather(np.where(there, starts, self._cursor), _VALUE_BYTES[column.kind]), 0
        ends = starts + counts
        beyond = there & (ends > self._stops)
        if beyond.any():
            self._give_up(beyond)
            there &= ~beyond
        if column.kind is Kind.BYTES:
            values = self._pieces(there, starts, ends)
        else:
            values = self._numbers(column.kind, there, near, offset, counts)
        self._cursor = ends if there.all() else np.where(there, ends, self._cursor)
        return values

    def left_over(self) -> npt.NDArray[np.intp]:
        """Return the rows that could not be read to their end."""
        return np.flatnonzero(self._bad | (self._cursor != self._stops))

    def _give_up(self, rows: Mask) -> None:
        self._bad |= rows
        self._cursor = np.where(rows, self._stops, self._cursor)

    def _gather(self, places: Integers, size: int) -> npt.NDArray[np.uint8]:
        """Copy so many bytes, rounded up to eights, from each place (rows by bytes)."""
        width = -(-size // 8) * 8
        windows = np.ndarray(len(self._data) - width + 1, f"V{width}", self._data, 0, (1,))
        return windows[places].view(np.uint8).reshape(-1, width)

    def _words_at(self, places: Integers) -> Bits:
        return self._gather(places, 8).view("<u8").reshape(-1)

    def _find_long(self, column: Column, head: _Head, there: Mask, starts: Integers, counts: Integers) -> None:
        """Look where no short entry was found for one whose lengths take several bytes, and note what is found."""
        if head.most < 0:
            there[:] = False
        rows = np.flatnonzero(~there & (self._cursor < self._stops))
        if len(rows):
            there[rows], starts[rows], counts[rows] = self._long_entries(column, self._cursor[rows])

    def _long_entries(self, column: Column, cursor: Integers) -> tuple[Mask, Integers, Integers]:
        """Return which cursors stand before an entry of the column, where its value begins and how long it is."""
        there = self._data[cursor] == MESSAGE[0]
        pair, place = self._length(cursor + 1)
        end = place + pair
        name = np.frombuffer(MESSAGE + varint(len(column.key)) + column.key + ENTRY_VALUE, np.uint8)
        for start in range(0, len(name), 8):
            part = name[start : start + 8].tobytes()
            mask = np.uint64((1 << 8 * len(part)) - 1)
            there &= (self._words_at(place + start) & mask) == np.uint64(int.from_bytes(part, "little"))
        place = np.where(there, place + len(name), cursor)
        for tag in (column.kind, MESSAGE[0]):
            size, place = self._length(place)
            there &= (place + size == end) & (self._data[place] == tag)
            place = np.where(there, place + 1, cursor)
        size, place = self._length(place)
        there &= place + size == end
        return there, place, size

    def _length(self, place: Integers) -> tuple[Integers, Integers]:
        """Read the length varint at each place; return it and the place behind it (a wrong one matches nothing)."""
        word = self._words_at(place)
        more = np.uint64(0x80)
        size = np.ones(len(place), np.int64)
        value = (word & np.uint64(0x7F)).view(np.int64)
        for number in range(1, _MOST_BYTES):
            going = (word & more) != 0
            if not going.any():
                break
            going &= size == number
            byte = (word >> np.uint64(8 * number)) & np.uint64(0x7F)
            value = np.where(going, value | (byte << np.uint64(7 * number)).view(np.int64), value)
            size += going
            more <<= np.uint64(8)
        return value, place + size

    def _numbers(self, kind: Kind, there: Mask, near: npt.NDArray[np.uint8], offset: int, sizes: Integers) -> pa.Array:
        """Make an array of the numbers that stand at an offset in the gathered bytes."""
        mask = None if there.all() else ~there
        if kind is Kind.FLOAT:
            values: npt.NDArray[Any] = _column(near, offset, "<f4").astype(np.float32, copy=False)
            wrong = there & (sizes != 4)
        else:
            values, wrong = _integers(near, offset, there, sizes)
        if wrong.any():
            self._give_up(wrong)
            there &= ~wrong
        return pa.array(values, mask=mask)

    def _pieces(self, there: Mask, starts: Integers, stops: Integers) -> pa.Array:
        """Take pieces of the block as a binary array: every second piece between consecutive borders."""
        if not there.all():
            starts = np.where(there, starts, self._cursor)
            stops = np.where(there, stops, self._cursor)
        borders = np.empty(2 * len(starts) + 1, np.int32)
        borders[:-1:2] = starts
        borders[1::2] = stops
        borders[-1] = stops[-1] if len(stops) else 0
        pieces = pa.Array.from_buffers(
            pa.binary(), 2 * len(starts), [None, pa.py_buffer(borders), pa.py_buffer(self._data)]
        )
        mask = None if there.all() else ~there
        return pieces.take(pa.array(np.arange(0, 2 * len(starts), 2, dtype=np.int32), mask=mask))


def _column(near: npt.NDArray[np.uint8], offset: int, dtype: str) -> npt.NDArray[Any]:
    """Copy the number at an offset of each row of bytes."""
    return np.ndarray(len(near), dtype, near, offset, (near.shape[1],)).copy()


def uniform_integers(cells: npt.NDArray[np.uint8]) -> tuple[Integers, Mask]:
    """Decode varints that all take the same number of bytes (rows by bytes); also say which do not."""
    near = np.zeros((len(cells), 16), np.uint8)
    near[:, : cells.shape[1]] = cells
    return _integers(near, 0, np.ones(len(cells), np.bool_), np.full(len(cells), cells.shape[1]))


def _integers(near: npt.NDArray[np.uint8], offset: int, there: Mask, sizes: Integers) -> tuple[Integers, Mask]:
    """Decode varints of known sizes; also say which are not varints of that size."""
    word: Bits = _column(near, offset, "<u8").astype(np.uint64, copy=False)
    wrong = there & ((sizes < 1) | (sizes > 10))
    sizes = np.where(there & ~wrong, sizes, 1)
    most = int(sizes.max(initial=1))
    # Bytes beyond the eighth are looked at below.
    keep = _ALL >> (np.uint64(64) - np.uint64(8) * np.minimum(sizes, 8).view(np.uint64))
    # Each byte but the last says that another follows; of nine or ten, all of the first eight do.
    going = keep >> np.uint64(8) if most <= 8 else np.where(sizes > 8, _ALL, keep >> np.uint64(8))
    word &= keep
    wrong |= there & ((word & _HIGH_BITS) != (going & _HIGH_BITS))
    word = _closed_up(word & ~_HIGH_BITS, most)
    if most > 8:
        last: Bits = _column(near, offset + 8, "<u2").astype(np.uint64)
        nine, ten = sizes == 9, sizes == 10
        # Of the tenth byte only one bit is left in 64 bits; the ninth must say that it follows, the tenth be the last.
        wrong |= there & nine & ((last & np.uint64(0x80)) != 0)
        wrong |= there & ten & ((last & np.uint64(0xFE80)) != np.uint64(0x80))
        word |= np.where(nine | ten, (last & np.uint64(0x7F)) << np.uint64(56), np.uint64(0))
        word |= np.where(ten, ((last >> np.uint64(8)) & np.uint64(1)) << np.uint64(63), np.uint64(0))
    return word.view(np.int64), wrong


def _closed_up(word: Bits, size: int) -> Bits:
    """Close the gap of one bit that each byte of a varint of at most so many bytes holds."""
    for done, shift, lane in ((1, 1, 0x007F007F007F007F), (2, 2, 0x00003FFF00003FFF), (4, 4, 0x000000000FFFFFFF)):
        if size > done:
            keep = np.uint64(lane)
            word = (word & keep) | ((word & ~keep) >> np.uint64(shift))
    return word


_HIGH_BITS = np.uint64(0x8080808080808080)
