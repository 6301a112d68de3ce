"""Hashes of key columns: rows with equal keys have equal hashes, whatever table, shard or batch they stand in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zenml.data.hashing import Hashes, bytes_hashes, mix, number_hashes

_NULL = np.uint64(0x6A09E667F3BCC909)
_NAN = np.uint64(0xBB67AE8584CAA73B)
_WORD = 1 << 64
_LARGEST = float(1 << 63)


def key_hashes(batch: pa.RecordBatch, columns: Sequence[str], seed: int) -> Hashes:
    """Return a hash for each row of a batch, of the seed and the row's cells in the key columns.

    A float with an integral value has the hash of that integer, so that a key column keeps its hashes when it is
    widened. Missing cells are equal to each other, and so are cells that are not a number.
    """
    state = mix(np.array([seed % _WORD], np.uint64))[0]
    hashes = np.full(batch.num_rows, state, np.uint64)
    for name in columns:
        hashes *= np.uint64(0x9E3779B97F4A7C15)
        hashes += _cell_hashes(batch.column(name))
        hashes = mix(hashes)
    return hashes


def _cell_hashes(array: pa.Array) -> Hashes:
    kind = array.type
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        encoded = array.dictionary_encode()
        places = encoded.indices.fill_null(len(encoded.dictionary)).to_numpy(zero_copy_only=False)
        found: Hashes = np.append(bytes_hashes(encoded.dictionary), _NULL)[places]
        return found
    if pa.types.is_boolean(kind):
        array = array.cast(pa.int8()).cast(pa.int64())
    elif pa.types.is_timestamp(kind):
        array = array.cast(pa.int64())
    missing = array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None
    values = pc.fill_null(array, 0).to_numpy(zero_copy_only=False)
    hashes = _float_hashes(values) if values.dtype.kind == "f" else number_hashes(values)
    if missing is not None:
        hashes[missing] = _NULL
    return hashes


def _float_hashes(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Hashes:
    integral = (np.abs(values) < _LARGEST) & (np.floor(values) == values)
    hashes = number_hashes(values)
    hashes[integral] = number_hashes(values[integral].astype(np.int64))
    hashes[np.isnan(values)] = _NAN
    return hashes
