"""Block: the bytes of many records, of which pieces are taken at many places at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Bits = npt.NDArray[np.uint64]

PADDING = 64
"""Bytes behind a block, beyond the longest key, that a gather may touch."""

_MOST_BYTES = 4
"""Bytes of the longest length varint that is read here (256 MiB)."""


class Block:
    """Some bytes.

    Args:
        data: the bytes of records, and `PADDING` and the longest key more.
    """

    def __init__(self, data: npt.NDArray[np.uint8]) -> None:
        self.data = data

    def gather(self, places: Integers, size: int) -> npt.NDArray[np.uint8]:
        """Copy so many bytes, rounded up to eights, from each place (rows by bytes)."""
        width = -(-size // 8) * 8
        windows = np.ndarray(len(self.data) - width + 1, f"V{width}", self.data, 0, (1,))
        return windows[places].view(np.uint8).reshape(-1, width)

    def words_at(self, places: Integers) -> Bits:
        """Return the eight bytes at each place as a little-endian number."""
        return self.gather(places, 8).view("<u8").reshape(-1)

    def matches(self, places: Integers, wanted: bytes) -> Mask:
        """Say at which places these bytes stand."""
        found = np.ones(len(places), np.bool_)
        for start in range(0, len(wanted), 8):
            part = wanted[start : start + 8]
            mask = np.uint64((1 << 8 * len(part)) - 1)
            found &= (self.words_at(places + start) & mask) == np.uint64(int.from_bytes(part, "little"))
        return found

    def length(self, places: Integers) -> tuple[Integers, Integers]:
        """Read the length varint at each place; return it and the place behind it (a wrong one matches nothing)."""
        value, size = _length_of(self.words_at(places))
        return value, places + size

    def field(self, places: Integers, tag: int) -> tuple[Mask, Integers, Integers]:
        """Read a tag and a length; return where it is that tag, the length, and the place behind it."""
        word = self.words_at(places)
        value, size = _length_of(word >> np.uint64(8))
        return (word & np.uint64(0xFF)) == np.uint64(tag), value, places + (size + 1)

    def pieces(self, starts: Integers, stops: Integers, missing: Mask | None = None) -> pa.BinaryArray:
        """Copy pieces, which follow one another, as a binary array: every second one between consecutive borders."""
        borders = np.empty(2 * len(starts) + 1, np.int32)
        borders[:-1:2] = starts
        borders[1::2] = stops
        borders[-1] = stops[-1] if len(stops) else 0
        pieces = pa.Array.from_buffers(
            pa.binary(), 2 * len(starts), [None, pa.py_buffer(borders), pa.py_buffer(self.data)]
        )
        return pieces.take(pa.array(np.arange(0, 2 * len(starts), 2, dtype=np.int32), mask=missing))


def _length_of(word: Bits) -> tuple[Integers, Integers]:
    """Return the number of the varint with which each word begins, and how many bytes it takes."""
    more = np.uint64(0x80)
    size = np.ones(len(word), np.int64)
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
    return value, size
