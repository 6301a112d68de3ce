"""BlockReader: the columns of many records at once, by a cursor in each record.

Records whose keys are in order, as `encode_batch` and TensorFlow's deterministic serialisation write them, are read by
gathering eight bytes at every cursor and comparing them with what the column's map entry begins with. Whatever does not
fit that is left to `read_record`, so the result never depends on which way a record was read.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from zenml.data.tfrecord._wire import ENTRY_VALUE, MESSAGE, Column, Kind, entry_head, varint

Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Bits = npt.NDArray[np.uint64]

PADDING = 64
"""Bytes behind a block, beyond the longest key, that a gather may touch."""

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
        self._words = np.ndarray(len(data) - 7, "<u8", data, 0, (1,))
        self._floats = np.ndarray(len(data) - 3, "<f4", data, 0, (1,))
        self.bad: Mask = np.zeros(len(starts), np.bool_)
        """Records that must be read in another way."""
        body, self._cursor = self._length(starts + 1)
        empty = starts == stops
        self.bad |= ~empty & ((data[starts] != MESSAGE[0]) | (self._cursor + body != stops))
        self._cursor = np.where(empty | self.bad, stops, self._cursor)

    def read(self, column: Column) -> pa.Array:
        """Return a column as float32, int64 or binary, null where a record has no such feature, and move on."""
        there, starts, sizes = self._find(column)
        ends = starts + sizes
        beyond = there & (ends > self._stops)
        if beyond.any():
            self._give_up(beyond)
            there &= ~beyond
            ends = np.where(beyond, self._stops, ends)
        values = self._values(column.kind, there, np.where(there, starts, self._cursor), sizes)
        self._cursor = np.where(there & ~self.bad, ends, self._cursor)
        return values

    def end(self) -> Mask:
        """Return which records could not be read to their end."""
        return self.bad | (self._cursor != self._stops)

    def _give_up(self, rows: Mask) -> None:
        self.bad |= rows
        self._cursor = np.where(rows, self._stops, self._cursor)

    def _find(self, column: Column) -> tuple[Mask, Integers, Integers]:
        """Return which cursors stand before an entry of the column, where its value begins and how long it is."""
        head, cursor = _head_of(column), self._cursor
        word = self._words[cursor]
        sizes = ((word >> np.uint64(8)) & np.uint64(0xFF)) - np.uint64(head.least)
        there = sizes <= np.uint64(max(head.most, 0))
        for number, (base, step, mask) in enumerate(head.words):
            if number:
                word = self._words[cursor + 8 * number]
            there &= (word & mask) == base + sizes * step
        starts, counts = cursor + head.size, sizes.view(np.int64)
        if head.most < 0:
            there[:] = False
        if column.kind is not Kind.BYTES and head.most >= 0:
            return there, starts, counts
        rest = np.flatnonzero(~there & (cursor < self._stops))
        if len(rest):
            there[rest], starts[rest], counts[rest] = self._find_long(column, cursor[rest])
        return there, starts, counts

    def _find_long(self, column: Column, cursor: Integers) -> tuple[Mask, Integers, Integers]:
        """Do the same for entries with lengths of several bytes."""
        there = self._data[cursor] == MESSAGE[0]
        pair, place = self._length(cursor + 1)
        end = place + pair
        name = np.frombuffer(MESSAGE + varint(len(column.key)) + column.key + ENTRY_VALUE, np.uint8)
        for start in range(0, len(name), 8):
            part = name[start : start + 8].tobytes()
            mask = np.uint64((1 << 8 * len(part)) - 1)
            there &= (self._words[place + start] & mask) == np.uint64(int.from_bytes(part, "little"))
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
        word = self._words[place]
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

    def _values(self, kind: Kind, there: Mask, starts: Integers, sizes: Integers) -> pa.Array:
        everywhere = bool(there.all())
        if kind is Kind.BYTES:
            return self._pieces(there, starts, np.where(there, starts + sizes, starts))
        if kind is Kind.FLOAT:
            wrong = there & (sizes != 4)
            values = self._floats[starts].astype(np.float32, copy=False)
        else:
            values, wrong = self._integers(there, starts, sizes)
        if wrong.any():
            self._give_up(wrong)
        return pa.array(values, mask=None if everywhere else ~there)

    def _pieces(self, there: Mask, starts: Integers, stops: Integers) -> pa.Array:
        """Take pieces of the block as a binary array: every second piece between consecutive borders."""
        borders = np.empty(2 * len(starts) + 1, np.int32)
        borders[:-1:2] = starts
        borders[1::2] = stops
        borders[-1] = stops[-1] if len(stops) else 0
        pieces = pa.Array.from_buffers(
            pa.binary(), 2 * len(starts), [None, pa.py_buffer(borders), pa.py_buffer(self._data)]
        )
        mask = None if there.all() else ~there
        return pieces.take(pa.array(np.arange(0, 2 * len(starts), 2, dtype=np.int32), mask=mask))

    def _integers(self, there: Mask, starts: Integers, sizes: Integers) -> tuple[Integers, Mask]:
        """Decode varints of known sizes; also say which are not varints of that size."""
        sizes = np.where(there, sizes, 1)
        word = self._words[starts]
        wrong = there & ((sizes < 1) | (sizes > 10))
        sizes = np.clip(sizes, 1, 10)
        most = int(sizes.max(initial=1))
        wrong |= there & ((word & _HIGH_BITS[sizes]) != _CONTINUATION[sizes])
        word &= _PAYLOAD[sizes]
        if most > 1:
            word = _closed_up(word)
        if most > 8:
            last = self._words[starts + 8]
            nine, ten = sizes == 9, sizes == 10
            # Of the tenth byte only one bit is left in 64 bits; the bytes before it must go on, the last must not.
            wrong |= there & nine & ((last & np.uint64(0x80)) != 0)
            wrong |= there & ten & ((last & np.uint64(0xFE80)) != np.uint64(0x80))
            word |= np.where(sizes > 8, (last & np.uint64(0x7F)) << np.uint64(56), np.uint64(0))
            word |= np.where(ten, ((last >> np.uint64(8)) & np.uint64(1)) << np.uint64(63), np.uint64(0))
        return word.view(np.int64), wrong


def _closed_up(word: Bits) -> Bits:
    """Close the gap of one bit that each byte of a varint holds."""
    for shift, lane in ((1, 0x007F007F007F007F), (2, 0x00003FFF00003FFF), (4, 0x000000000FFFFFFF)):
        keep = np.uint64(lane)
        word = (word & keep) | ((word & ~keep) >> np.uint64(shift))
    return word


def _per_size(byte: int, short: int) -> Bits:
    return np.array([sum(byte << 8 * at for at in range(min(max(size - short, 0), 8))) for size in range(11)], np.uint64)


_HIGH_BITS = _per_size(0x80, 0)
_CONTINUATION = _per_size(0x80, 1)
_PAYLOAD = _per_size(0x7F, 0)
