"""Hashes of rows and cells: vectorised, seeded, the same on every machine; not cryptographic."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Hashes = npt.NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_BASE = 0x100000001B3
_WORD = 1 << 64


def mix(values: Hashes) -> Hashes:
    """Return the finaliser of SplitMix64 (Steele, Lea and Flood, 2014), a bijection, of values that it overwrites."""
    values ^= values >> np.uint64(30)
    values *= _FIRST
    values ^= values >> np.uint64(27)
    values *= _SECOND
    values ^= values >> np.uint64(31)
    return values


def row_hashes(seed: int, first: int, count: int) -> Hashes:
    """Return the hashes of the rows `first` to `first + count - 1` under `seed`: SplitMix64's stream, entered anywhere.

    A row's hash depends on the seed and its number alone, so rows that are added later change no other's.
    """
    start = int(mix(np.array([seed % _WORD], np.uint64))[0])
    rows = np.arange(first + 1, first + count + 1, dtype=np.uint64)
    rows *= _GOLDEN
    rows += np.uint64(start)
    return mix(rows)


def number_hashes(values: npt.NDArray[np.int64] | npt.NDArray[np.float64]) -> Hashes:
    """Return a hash for each number; 0.0 and -0.0 have the same."""
    bits = (values + 0.0 if values.dtype.kind == "f" else values.copy()).view(np.uint64)
    bits += _GOLDEN
    return mix(bits)


def bytes_hashes(array: pa.Array) -> Hashes:
    """Return a hash for each cell of a string or binary array without nulls."""
    if len(array) == 0:
        return np.empty(0, np.uint64)
    _, offsets_buffer, data_buffer = array.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int32)[array.offset : array.offset + len(array) + 1].astype(np.int64)
    lengths = np.diff(offsets)
    hashes = mix(lengths.astype(np.uint64) + _GOLDEN)
    if data_buffer is None or offsets[-1] == offsets[0]:
        return mix(hashes)
    data = np.frombuffer(data_buffer, np.uint8)[offsets[0] : offsets[-1]]
    filled = np.flatnonzero(lengths)
    starts = (offsets[:-1] - offsets[0])[filled]
    places = np.arange(len(data)) - np.repeat(starts, lengths[filled])
    terms = (data.astype(np.uint64) + np.uint64(1)) * _powers(int(lengths.max()))[places]
    hashes[filled] ^= np.add.reduceat(terms, starts)
    return mix(hashes)


def _powers(count: int) -> Hashes:
    return np.cumprod(np.full(count, _BASE, np.uint64), dtype=np.uint64)
