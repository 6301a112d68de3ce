"""CRC32C of TFRecord frames: masked, and of many small records of one length at once.

A CRC is linear over XOR: that of a message is that of as many zero bytes, XOR one table value per byte, where the table
depends only on how far the byte stands from the end. Sources: RFC 3720 appendix B.4 for the polynomial,
tensorflow/core/lib/hash/crc32c.h for the mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import google_crc32c
import numpy as np
import numpy.typing as npt

_POLYNOMIAL = 0x82F63B78

Words = npt.NDArray[np.uint32]

crc32c = google_crc32c.value


def masked(crc: Words) -> Words:
    """Mask CRCs as TFRecord stores them: rotated right by 15 bits, plus a constant."""
    return ((crc >> np.uint32(15)) | (crc << np.uint32(17))) + np.uint32(0xA282EAD8)


def _byte_table() -> Words:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> np.uint32(1)) ^ (np.uint32(_POLYNOMIAL) * (table & np.uint32(1)))
    return table


_TABLES: list[Words] = [_byte_table()]
"""At number k, what a byte gives that k bytes follow."""


def _table(following: int) -> Words:
    while len(_TABLES) <= following:
        last = _TABLES[-1]
        _TABLES.append((last >> np.uint32(8)) ^ _TABLES[0][last & np.uint32(0xFF)])
    return _TABLES[following]


@lru_cache(maxsize=128)
def _pair_table(following: int) -> Words:
    """Return what two bytes give (as a little-endian number) that `following` bytes follow."""
    low, high = _table(following + 1), _table(following)
    return (high[:, None] ^ low[None, :]).ravel()


def crc_of_rows(constant: bytes, values: Sequence[tuple[int, npt.NDArray[np.uint8]]]) -> Words:
    """Return the CRC of each of many records that differ only in few places.

    Args:
        constant: a record with zeros in these places.
        values: for each place its position in the record and the bytes there (rows by bytes, contiguous).
    """
    crc = np.full(len(values[0][1]), crc32c(constant), np.uint32)
    for position, cells in values:
        following = len(constant) - position - 1
        if cells.shape[1] % 2:
            for number in range(cells.shape[1]):
                crc ^= _table(following - number).take(cells[:, number])
        else:
            pairs = cells.view("<u2")
            for number in range(pairs.shape[1]):
                crc ^= _pair_table(following - 2 * number - 1).take(pairs[:, number])
    return crc


def crc_of_lengths(lengths: npt.NDArray[np.uint64]) -> Words:
    """Return the masked CRC of each record length (8 bytes, little-endian)."""
    first = lengths[:1]
    if len(lengths) > 1 and (lengths == first).all():
        return np.broadcast_to(crc_of_lengths(first), lengths.shape)
    data = np.ascontiguousarray(lengths, "<u8").view(np.uint8).reshape(-1, 8)
    crc = np.full(len(lengths), crc32c(bytes(8)), np.uint32)
    for number in range(8):
        column = data[:, number]
        if column.any():
            crc ^= _table(7 - number).take(column)
    return masked(crc)


def crc_of_slices(data: bytes, starts: list[int], stops: list[int]) -> Words:
    """Return the masked CRC of each `data[start:stop]`."""
    return masked(np.array([crc32c(data[start:stop]) for start, stop in zip(starts, stops, strict=True)], np.uint32))
