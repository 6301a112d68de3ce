"""read_keyed: the columns of many records whose keys come in any order, and among others.

A cursor in each record goes from map entry to map entry. The key there is looked up by a hash of its bytes, which are
then compared, and where its feature lies is noted; the features of each column are decoded together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from zenml.data.tfrecord._block import Bits, Block, Integers, Mask
from zenml.data.tfrecord._lists import decode_lists, decode_values
from zenml.data.tfrecord._wire import ENTRY_VALUE, MESSAGE, Column

FEW = 16
"""Rows that are read faster one by one."""


class _Keys:
    """The keys of columns, as words of eight bytes."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._sizes = np.array([len(column.key) for column in columns], np.int64)
        self._width = -(-int(self._sizes.max(initial=1)) // 8)
        data = b"".join(column.key.ljust(8 * self._width, b"\0") for column in columns)
        self._words = np.frombuffer(data, "<u8").reshape(len(columns), self._width)
        hashes = _hashed(self._sizes, list(self._words.T))
        self._order = np.argsort(hashes)
        self._hashes = hashes[self._order]
        self.distinct = len(np.unique(hashes)) == len(columns)

    def find(self, block: Block, places: Integers, sizes: Integers) -> Integers:
        """Return the number of the column of each key, -1 where there is none."""
        words = []
        for number in range(self._width):
            kept = np.clip(sizes - 8 * number, 0, 8)
            words.append(block.words_at(places + np.minimum(8 * number, sizes)) & _KEPT[kept])
        found = self._order[np.searchsorted(self._hashes, _hashed(sizes, words)) % len(self._order)]
        same = self._sizes[found] == sizes
        for number, word in enumerate(words):
            same &= self._words[found, number] == word
        return np.where(same, found, -1)


_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_KEPT = np.array([(1 << 8 * size) - 1 for size in range(9)], np.uint64)


def _hashed(sizes: Integers, words: Sequence[Bits]) -> Bits:
    found = sizes.astype(np.uint64)
    for word in words:
        found *= _FACTOR
        found += word
    return found


def read_keyed(
    block: Block, starts: Integers, stops: Integers, columns: Sequence[Column], *, closed: bool
) -> tuple[list[pa.Array], npt.NDArray[np.intp]]:
    """Read the columns of records.

    Args:
        block: the bytes of the records.
        starts: where each record begins, in order.
        stops: where each record ends.
        columns: the columns, at least one.
        closed: whether to leave over records with any other feature.

    Returns:
        The columns as float32, int64, binary or lists of it, and the rows that could not be read so.
    """
    begins, ends, bad = _entries(block, starts, stops, columns, closed)
    arrays = []
    for column, begin, end in zip(columns, begins, ends, strict=True):
        # A feature without any list is none.
        there = (begin < end) & ~bad
        place = np.where(there, begin, 0)
        tagged, size, place = block.field(place, column.kind)
        fits = there & tagged & (place + size == end)
        decode = decode_lists if column.repeated else decode_values
        array, wrong = decode(block, column.kind, fits, np.where(fits, place, 0), np.where(fits, end, 0))
        bad |= wrong | (there & ~fits)
        arrays.append(array)
    return arrays, np.flatnonzero(bad)


def _entries(
    block: Block, starts: Integers, stops: Integers, columns: Sequence[Column], closed: bool
) -> tuple[Integers, Integers, Mask]:
    """Return where the feature of each column lies in each record (columns by rows), and which records are bad."""
    keys = _Keys(columns)
    begins = np.zeros((len(columns), len(starts)), np.int64)
    ends = np.zeros((len(columns), len(starts)), np.int64)
    tagged, size, cursor = block.field(starts, MESSAGE[0])
    bad: Mask = (starts != stops) & ~(tagged & (cursor + size == stops) & keys.distinct)
    rows = np.flatnonzero((starts != stops) & ~bad & (cursor < stops))
    cursor, stop = cursor[rows], stops[rows]
    while len(rows):
        if len(rows) < FEW:
            bad[rows] = True
            break
        good, size, place = block.field(cursor, MESSAGE[0])
        end = place + size
        good &= end <= stop
        tagged, size, key = block.field(np.where(good, place, 0), MESSAGE[0])
        good &= tagged & (key + size < end)
        key, size = np.where(good, key, 0), np.where(good, size, 0)
        tagged, length, begin = block.field(key + size, ENTRY_VALUE[0])
        good &= tagged & (begin + length == end)
        number = keys.find(block, key, size)
        known = good & (number >= 0)
        if closed:
            good = known
        # Of a key that comes twice, the last one counts, if both are sound.
        good &= ~(known & (ends[number, rows] > 0))
        known &= good
        begins[number[known], rows[known]] = begin[known]
        ends[number[known], rows[known]] = end[known]
        bad[rows[~good]] = True
        going = good & (end < stop)
        rows, cursor, stop = rows[going], end[going], stop[going]
    return begins, ends, bad
