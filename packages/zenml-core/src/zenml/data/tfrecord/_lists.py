"""Values and lists of values, decoded for many records at once; each function says which rows it cannot read."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from zenml.data.lists import Lists
from zenml.data.tfrecord._block import PADDING, Block, Integers, Mask
from zenml.data.tfrecord._integers import column_at, integers_at
from zenml.data.tfrecord._wire import MESSAGE, VALUE_BYTES, Kind

_FEW, _LONG = 16, 256
"""So few rows with so many more values are left to others, as a step for all rows together no longer pays."""

_TOGETHER = 1 << 16
"""Numbers decoded together: what they take stays in the processor's cache."""


def decode_numbers(
    kind: Kind, there: Mask, near: npt.NDArray[np.uint8], offset: int, sizes: Integers
) -> tuple[pa.Array, Mask]:
    """Make an array of the numbers that stand at an offset in gathered bytes, null where there is none."""
    if kind is Kind.FLOAT:
        values: npt.NDArray[Any] = column_at(near, offset, "<f4").astype(np.float32, copy=False)
        wrong = there & (sizes != VALUE_BYTES[kind])
    else:
        values, wrong = integers_at(near, offset, there, sizes)
    return pa.array(values, mask=None if there.all() else ~there), wrong


def decode_values(block: Block, kind: Kind, there: Mask, starts: Integers, stops: Integers) -> tuple[pa.Array, Mask]:
    """Make an array of the one value in each list that lies between `starts` and `stops`."""
    tagged, size, place = block.field(np.where(there, starts, 0), MESSAGE[0])
    fits = there & tagged & (place + size == stops)
    wrong = there & ~fits
    place = np.where(fits, place, 0)
    if kind is Kind.BYTES:
        edges = np.maximum.accumulate(np.where(fits, stops, 0))
        return block.pieces(np.where(fits, place, edges), edges, None if fits.all() else ~fits), wrong
    values, bad = decode_numbers(kind, fits, block.gather(place, VALUE_BYTES[kind]), 0, size)
    return values, wrong | bad


def decode_lists(block: Block, kind: Kind, there: Mask, starts: Integers, stops: Integers) -> tuple[pa.Array, Mask]:
    """Make an array of the lists that lie between `starts` and `stops`, null where there is none."""
    read = _texts if kind is Kind.BYTES else partial(_numbers, kind=kind)
    there, wrong = there.copy(), np.zeros(len(there), np.bool_)
    while True:
        values, counts, bad = read(block, there, starts, stops)
        if not bad.any():
            return Lists(values, counts, None if there.all() else ~there).array(), wrong
        # A list that cannot be read may have spoilt its neighbours.
        wrong |= bad
        there &= ~bad


def _numbers(
    block: Block, there: Mask, starts: Integers, stops: Integers, *, kind: Kind
) -> tuple[pa.Array, Integers, Mask]:
    """Read the numbers of lists that are packed into one field, as all writers do."""
    full = there & (starts < stops)
    tagged, size, place = block.field(np.where(full, starts, 0), MESSAGE[0])
    packed = full & tagged & (place + size == stops)
    wrong = full & ~packed
    edges = np.maximum.accumulate(np.where(packed, stops, 0))
    pieces = block.pieces(np.where(packed, place, edges), edges)
    _, offsets, data = pieces.buffers()
    borders = np.frombuffer(offsets, np.int32, len(pieces) + 1).astype(np.int64)
    found = np.frombuffer(data, np.uint8, borders[-1]) if borders[-1] else np.empty(0, np.uint8)
    if kind is Kind.FLOAT:
        wrong |= packed & (size % 4 != 0)
        whole = found[: len(found) // 4 * 4].view("<f4").astype(np.float32, copy=False)
        return pa.array(whole), np.diff(borders) // 4, wrong
    last = found < 0x80
    wrong |= packed & ~np.concatenate((last, [True]))[np.maximum(borders[1:] - 1, 0)]
    ends = np.flatnonzero(last)
    values, bad = _integers(found, ends)
    before = np.searchsorted(ends, borders)
    if bad.any():
        wrong |= np.add.reduceat(np.concatenate((bad, [False])), before[:-1]).astype(bool) & (np.diff(before) > 0)
    return pa.array(values), np.diff(before), wrong


def _integers(data: npt.NDArray[np.uint8], ends: Integers) -> tuple[Integers, Mask]:
    """Decode varints that follow one another, given where each ends."""
    if len(ends) == len(data):
        return data.astype(np.int64), np.zeros(len(data), np.bool_)
    padded = Block(np.concatenate((data, np.zeros(PADDING, np.uint8))))
    starts = np.concatenate(([0], ends[:-1] + 1))
    values = np.empty(len(ends), np.int64)
    wrong = np.empty(len(ends), np.bool_)
    for first in range(0, len(ends), _TOGETHER):
        part = slice(first, first + _TOGETHER)
        near = padded.gather(starts[part], VALUE_BYTES[Kind.INT])
        every = np.ones(len(near), np.bool_)
        values[part], wrong[part] = integers_at(near, 0, every, ends[part] + 1 - starts[part])
    return values, wrong


def _texts(block: Block, there: Mask, starts: Integers, stops: Integers) -> tuple[pa.Array, Integers, Mask]:
    """Read the values of lists of bytes: the first of every list, then the second, and so on."""
    counts = np.zeros(len(starts), np.int64)
    wrong = np.zeros(len(starts), np.bool_)
    rows = np.flatnonzero(there & (starts < stops))
    cursor, end = starts[rows], stops[rows]
    found: list[tuple[Integers, Integers, Integers]] = []
    steps = 0
    while len(rows):
        steps += len(rows) < _FEW
        if steps > _LONG:
            wrong[rows] = True
            break
        tagged, size, place = block.field(cursor, MESSAGE[0])
        good = tagged & (place + size <= end)
        wrong[rows[~good]] = True
        found.append((rows[good], place[good], place[good] + size[good]))
        counts[rows[good]] += 1
        going = good & (place + size < end)
        rows, cursor, end = rows[going], (place + size)[going], end[going]
    offsets = np.concatenate(([0], np.cumsum(counts)))
    begins, ends = np.empty(offsets[-1], np.int64), np.empty(offsets[-1], np.int64)
    for number, (each, first, last) in enumerate(found):
        begins[offsets[each] + number], ends[offsets[each] + number] = first, last
    return block.pieces(begins, ends), counts, wrong
