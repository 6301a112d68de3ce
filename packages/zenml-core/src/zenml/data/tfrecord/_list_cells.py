"""ListCells: a column of lists as map entries, each of a head that depends on its size, and its values."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from zenml.data.lists import Lists
from zenml.data.tfrecord._cells import Cells, Integers, binary_array, varint_sizes, varints
from zenml.data.tfrecord._wire import MESSAGE, Column, Kind, list_head, varint


class ListCells(Cells):
    """Entries of a column of lists.

    Args:
        column: the column.
        lists: float32, int64 or binary values, none of them null.
    """

    def __init__(self, column: Column, lists: Lists) -> None:
        self._column = column
        self._lists = lists
        self._offsets = lists.offsets

    def block(self, start: int, stop: int) -> list[pa.Array]:
        """Encode the values of the block's lists, and look the heads up by size."""
        first, last = int(self._offsets[start]), int(self._offsets[stop])
        encode = {Kind.FLOAT: _floats, Kind.INT: _integers, Kind.BYTES: _texts}[self._column.kind]
        data, ends = encode(self._lists.values.slice(first, last - first))
        sizes = np.diff(ends[self._offsets[start : stop + 1] - first])
        missing = None if self._lists.missing is None else self._lists.missing[start:stop]
        coded = pa.array(sizes, mask=missing).dictionary_encode()
        heads = [list_head(self._column.key, self._column.kind, size) for size in coded.dictionary.to_pylist()]
        return [pa.array(heads, pa.binary()).take(coded.indices), binary_array(data, sizes)]


def _floats(values: pa.FloatArray) -> tuple[npt.NDArray[np.uint8], Integers]:
    data = np.ascontiguousarray(values.to_numpy(), "<f4").view(np.uint8)
    return data, np.arange(0, len(data) + 1, 4)


def _integers(values: pa.Int64Array) -> tuple[npt.NDArray[np.uint8], Integers]:
    bits = values.to_numpy().view(np.uint64)
    sizes = varint_sizes(bits)
    most = int(sizes.max(initial=1))
    low, high = varints(bits, sizes)
    rows = low[:, :most] if most <= 8 else np.concatenate((low, high), axis=1)[:, :most]
    return rows[np.arange(most) < sizes[:, None]], np.concatenate(([0], np.cumsum(sizes)))


def _texts(values: pa.BinaryArray) -> tuple[npt.NDArray[np.uint8], Integers]:
    lengths = pc.binary_length(values).dictionary_encode()
    heads = [MESSAGE + varint(size) for size in lengths.dictionary.to_pylist()]
    joined = pc.binary_join_element_wise(pa.array(heads, pa.binary()).take(lengths.indices), values, b"")
    _, offsets, data = joined.buffers()
    ends = np.frombuffer(offsets, np.int32, len(joined) + 1).astype(np.int64) if len(joined) else np.zeros(1, np.int64)
    return np.frombuffer(data, np.uint8, ends[-1]) if ends[-1] else np.empty(0, np.uint8), ends
