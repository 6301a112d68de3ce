"""Integers: varints of known sizes, many at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from zenml.data.tfrecord._block import Bits, Integers, Mask

_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_HIGH_BITS = np.uint64(0x8080808080808080)


def column_at(near: npt.NDArray[np.uint8], offset: int, dtype: str) -> npt.NDArray[Any]:
    """Copy the number at an offset of each row of bytes."""
    return np.ndarray(len(near), dtype, near, offset, (near.shape[1],)).copy()


def uniform_integers(cells: npt.NDArray[np.uint8]) -> tuple[Integers, Mask]:
    """Decode varints that all take the same number of bytes (rows by bytes); also say which do not."""
    near = np.zeros((len(cells), 16), np.uint8)
    near[:, : cells.shape[1]] = cells
    return integers_at(near, 0, np.ones(len(cells), np.bool_), np.full(len(cells), cells.shape[1]))


def integers_at(near: npt.NDArray[np.uint8], offset: int, there: Mask, sizes: Integers) -> tuple[Integers, Mask]:
    """Decode varints of known sizes; also say which are not varints of that size."""
    word: Bits = column_at(near, offset, "<u8").astype(np.uint64, copy=False)
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
        last: Bits = column_at(near, offset + 8, "<u2").astype(np.uint64)
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
