"""The content of rows: what tells two cells apart, as arrays that can be hashed, compared and sorted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zenml.data.hashing import Hashes
from zenml.data.keys import key_hashes
from zenml.data.lists import Lists, is_list

_SEED = 0x5A454E4D4C


def content_hashes(batch: pa.RecordBatch) -> Hashes:
    """Return a hash for each row of a batch, of all its cells."""
    columns = contents(batch)
    names = [str(place) for place in range(len(columns))]
    return key_hashes(pa.RecordBatch.from_arrays(columns, names=names), names, _SEED)


def contents(batch: pa.RecordBatch) -> list[pa.Array]:
    """Return the columns as arrays whose cells are equal exactly where the cells are the same, and that sort.

    A float is its bits, which tell -0.0 from 0.0; a list is one binary value.
    """
    return [_content(column) for column in batch.columns]


def _content(array: pa.Array) -> pa.Array:
    kind = array.type
    if pa.types.is_floating(kind):
        return array.view(pa.int64())
    if pa.types.is_timestamp(kind):
        return array.view(pa.int64())
    return _joined(array) if is_list(kind) else array


def _joined(array: pa.Array) -> pa.Array:
    """Return each list as one binary value, from which the list could be read again."""
    lists = Lists.of(array)
    values = lists.values
    if pa.types.is_floating(values.type):
        # Not-a-number stands for a missing value, as the values themselves are never that.
        values = pc.fill_null(values, float("nan"))
    if pa.types.is_primitive(values.type):
        bits = np.ascontiguousarray(values.to_numpy(zero_copy_only=False))
        cells, offsets = pa.py_buffer(bits), lists.offsets * bits.itemsize
    else:
        texts = values.cast(pa.binary())
        lengths = pc.binary_length(texts).cast(pa.string()).cast(pa.binary())
        told = pc.binary_join_element_wise(lengths, texts, b":")
        ends = np.concatenate(([0], np.cumsum(np.asarray(pc.binary_length(told)).astype(np.int64))))
        cells, offsets = pc.binary_join(_as_one(told), b"")[0].as_buffer(), ends[lists.offsets]
    mask = None if lists.missing is None else pa.array(~lists.missing)
    return _binary(cells, offsets, mask)


def _as_one(array: pa.Array) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array([0, len(array)], pa.int32()), array)


def _binary(cells: pa.Buffer, offsets: np.ndarray[tuple[int], np.dtype[np.int64]], valid: pa.Array | None) -> pa.Array:
    bitmap = None if valid is None else valid.buffers()[1]
    ends = pa.py_buffer(np.ascontiguousarray(offsets.astype(np.int32)))
    return pa.Array.from_buffers(pa.binary(), len(offsets) - 1, [bitmap, ends, cells])


def sorted_rows(batch: pa.RecordBatch, hashes: Hashes) -> tuple[pa.RecordBatch, Hashes]:
    """Return rows in the order of their hashes, and of their contents where hashes are equal; with their hashes."""
    order = np.argsort(hashes, kind="stable")
    found, hashes = batch.take(pa.array(order)), hashes[order]
    equal = hashes[1:] == hashes[:-1]
    if not equal.any():
        return found, hashes
    tied = np.flatnonzero(np.append(equal, False) | np.append(False, equal))
    rows = contents(found.take(pa.array(tied)))
    if _all_same(rows, hashes[tied]):
        return found, hashes
    names = [str(place) for place in range(len(rows) + 1)]
    table = pa.table([pa.array(hashes[tied]), *rows], names=names)
    places = np.arange(len(hashes))
    places[tied] = tied[np.asarray(pc.sort_indices(table, sort_keys=[(name, "ascending") for name in names]))]
    return found.take(pa.array(places)), hashes


def _all_same(rows: Sequence[pa.Array], hashes: Hashes) -> bool:
    """Tell whether neighbours with one hash are one row each time, so that their order cannot be told."""
    pairs = pa.array(np.flatnonzero(hashes[1:] == hashes[:-1]))
    after = pc.add(pairs, 1)
    return all(_same(column.take(pairs), column.take(after)) for column in rows)


def all_alike(batch: pa.RecordBatch, first: pa.RecordBatch) -> bool:
    """Tell whether every row of a batch is the one row of another."""
    many = pa.array(np.zeros(batch.num_rows, np.int64))
    pairs = zip(contents(batch), contents(first), strict=True)
    return all(_same(column, one.take(many)) for column, one in pairs)


def _same(left: pa.Array, right: pa.Array) -> bool:
    both_missing = pc.and_(left.is_null(), right.is_null())
    return bool(pc.all(pc.or_(pc.fill_null(pc.equal(left, right), False), both_missing)).as_py())
