"""BlockReader: the columns of many records at once, by a cursor in each record.

Records whose keys are in order, as `encode_batch` and TensorFlow's deterministic serialisation write them, are read by
gathering eight bytes at every cursor and comparing them with what the column's map entry begins with. Whatever does not
fit that is left to `read_record`, so the result never depends on which way a record was read.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from zenml.data.tfrecord._block import Block, Integers, Mask
from zenml.data.tfrecord._lists import decode_lists, decode_numbers
from zenml.data.tfrecord._wire import ENTRY_VALUE, MESSAGE, VALUE_BYTES, Column, Kind, entry_head, varint

_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


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


@lru_cache(maxsize=4096)
def _head_of(key: bytes, kind: Kind) -> _Head:
    empty, one = entry_head(key, kind, 0), entry_head(key, kind, 1)
    most = 127 - empty[1] if len(empty) == len(one) and empty[1] < 128 else -1
    longest = {Kind.FLOAT: 4, Kind.INT: 10}.get(kind, most)
    words = []
    for start in range(0, len(empty), 8):
        first, second = empty[start : start + 8], one[start : start + 8]
        word = int.from_bytes(first, "little")
        step = int.from_bytes(second, "little") - word
        words.append((np.uint64(word), np.uint64(max(step, 0)), np.uint64((1 << 8 * len(first)) - 1)))
    return _Head(len(empty), empty[1], longest if longest <= most else -1, tuple(words))


class BlockReader:
    """Reads the columns of a block of records, in the order in which their keys stand there.

    Args:
        block: the bytes of the records, and `PADDING` and the longest key more.
        starts: where each record begins.
        stops: where each record ends.
    """

    def __init__(self, block: Block, starts: Integers, stops: Integers) -> None:
        self._block = block
        self._stops = stops
        there, body, self._cursor = block.field(starts, MESSAGE[0])
        empty = starts == stops
        self._bad: Mask = ~empty & ~(there & (self._cursor + body == stops))
        self._cursor = np.where(empty | self._bad, stops, self._cursor)

    def read(self, column: Column) -> pa.Array:
        """Return a column as float32, int64, binary or lists of it, null where a record lacks it, and move on."""
        return self._read_lists(column) if column.repeated else self._read_values(column)

    def _read_values(self, column: Column) -> pa.Array:
        head = _head_of(column.key, column.kind)
        near = self._block.gather(self._cursor, head.size + VALUE_BYTES[column.kind])
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
                near = self._block.gather(np.where(there, starts, self._cursor), VALUE_BYTES[column.kind])
                offset = 0
        ends = starts + counts
        self._check_ends(there, ends)
        if column.kind is Kind.BYTES:
            missing = None if there.all() else ~there
            if missing is not None:
                starts, counts = np.where(there, starts, self._cursor), np.where(there, ends, self._cursor)
                values = self._block.pieces(starts, counts, missing)
            else:
                values = self._block.pieces(starts, ends)
        else:
            values, wrong = decode_numbers(column.kind, there, near, offset, counts)
            if wrong.any():
                self._give_up(wrong)
                there &= ~wrong
        self._cursor = ends if there.all() else np.where(there, ends, self._cursor)
        return values

    def _read_lists(self, column: Column) -> pa.Array:
        there, starts, ends = self._entries(column, self._cursor)
        there &= self._cursor < self._stops
        self._check_ends(there, ends)
        values, wrong = decode_lists(self._block, column.kind, there, starts, ends)
        if wrong.any():
            self._give_up(wrong)
            there &= ~wrong
        self._cursor = np.where(there, ends, self._cursor)
        return values

    def left_over(self) -> npt.NDArray[np.intp]:
        """Return the rows that could not be read to their end."""
        return np.flatnonzero(self._bad | (self._cursor != self._stops))

    def _check_ends(self, there: Mask, ends: Integers) -> None:
        beyond = there & (ends > self._stops)
        if beyond.any():
            self._give_up(beyond)
            there &= ~beyond

    def _give_up(self, rows: Mask) -> None:
        self._bad |= rows
        self._cursor = np.where(rows, self._stops, self._cursor)

    def _find_long(self, column: Column, head: _Head, there: Mask, starts: Integers, counts: Integers) -> None:
        """Look where no short entry was found for one whose lengths take several bytes, and note what is found."""
        if head.most < 0:
            there[:] = False
        rows = np.flatnonzero(~there & (self._cursor < self._stops))
        if not len(rows):
            return
        found, place, end = self._entries(column, self._cursor[rows])
        tagged, size, place = self._block.field(place, MESSAGE[0])
        found &= tagged & (place + size == end)
        there[rows], starts[rows], counts[rows] = found, place, size

    def _entries(self, column: Column, cursor: Integers) -> tuple[Mask, Integers, Integers]:
        """Return which cursors stand before an entry of the column, where its list begins and where it ends."""
        block = self._block
        there, pair, place = block.field(cursor, MESSAGE[0])
        end = place + pair
        name = MESSAGE + varint(len(column.key)) + column.key + ENTRY_VALUE
        there &= block.matches(place, name)
        place = np.where(there, place + len(name), cursor)
        size, place = block.length(place)
        there &= place + size == end
        tagged, size, place = block.field(np.where(there, place, cursor), column.kind)
        there &= tagged & (place + size == end)
        return there, place, end
