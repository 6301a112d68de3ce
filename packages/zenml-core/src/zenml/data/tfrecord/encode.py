"""encode_batch: a record batch as the bytes of a TFRecord file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from zenml.data.lists import Lists
from zenml.data.tfrecord._cells import Cells, binary_array, cells_of, uniform_varints
from zenml.data.tfrecord._crc import crc_of_lengths, crc_of_slices
from zenml.data.tfrecord._frames import FOOTER, HEADER
from zenml.data.tfrecord._list_cells import ListCells
from zenml.data.tfrecord._template import Template, fits
from zenml.data.tfrecord._wire import MESSAGE, Column, Kind, columns_of, varint
from zenml.errors import DataError

_BLOCK_ROWS = 1 << 14
"""Rows worked on together: what they take stays in the processor's cache."""

_BLOCK_BYTES = 1 << 28


@dataclass(frozen=True)
class EncodedBatch:
    """The records of a batch.

    Args:
        data: framed records, to be appended to a TFRecord file as they are.
        casts: columns whose values changed, each with what happened to them.
    """

    data: memoryview
    casts: dict[str, str] = field(default_factory=dict)


def encode_batch(batch: pa.RecordBatch) -> EncodedBatch:
    """Encode rows as framed tf.Example records.

    Integers and booleans become int64 lists, floats float lists (float32), strings and bytes bytes lists, timestamps
    int64 microseconds since the epoch; a null is an absent feature, an empty list a feature without values. Keys are
    sorted, so the bytes equal TensorFlow's deterministic serialisation.

    A value that is missing inside of a list has no form there: of floats it becomes not-a-number, which is reported as
    a cast, and of anything else it is refused.

    Args:
        batch: columns of numbers, booleans, strings, bytes, timestamps, or lists of one of these.

    Raises:
        DataError: a column of another type, integers beyond int64, or values missing inside of lists.
    """
    columns = columns_of(batch.schema)
    casts: dict[str, str] = {}
    values = [
        _storable_lists(column, batch.column(column.index), casts)
        if column.repeated
        else _storable(column, batch.column(column.index), casts)
        for column in columns
    ]
    if not batch.num_rows:
        return EncodedBatch(memoryview(b""), casts)
    fixed = _fixed_cells(columns, values)
    if fixed is not None:
        return EncodedBatch(Template.of(columns, [each.shape[1] for each in fixed]).fill(fixed), casts)
    cells = [
        ListCells(column, array) if isinstance(array, Lists) else cells_of(column, array)
        for column, array in zip(columns, values, strict=True)
    ]
    rows = max(1, min(_BLOCK_ROWS, _BLOCK_ROWS * _BLOCK_BYTES // max(1, batch.nbytes)))
    blocks = (
        _joined_block(cells, start, min(start + rows, batch.num_rows)) for start in range(0, batch.num_rows, rows)
    )
    return EncodedBatch(memoryview(b"".join(blocks)), casts)


def _storable_lists(column: Column, array: pa.Array, casts: dict[str, str]) -> Lists:
    """Return a column's lists with values that can be stored, and note what that changed."""
    lists = Lists.of(array)
    gaps = lists.values.null_count
    if gaps and column.kind is not Kind.FLOAT:
        mend = "Fill them, or leave the column out"
        raise DataError("values are missing inside of its lists", f"column {column.name!r}", mend)
    values = _storable(column, lists.values, casts)
    if gaps:
        values = values.fill_null(float("nan"))
        casts[column.name] = ", ".join(filter(None, (casts.get(column.name), "gaps in lists made not-a-number")))
    return replace(lists, values=values.cast(pa.int64()) if column.kind is Kind.INT else values)


def _storable(column: Column, values: pa.Array, casts: dict[str, str]) -> pa.Array:
    """Return a column as float32, int64, boolean or binary, and note what that changed."""
    if column.kind is Kind.BYTES:
        return values.cast(pa.binary())
    if column.kind is Kind.FLOAT:
        return _single_precision(column, values, casts)
    if pa.types.is_boolean(values.type):
        return values
    if pa.types.is_timestamp(values.type):
        whole = values.cast(pa.timestamp("us", values.type.tz), safe=False)
        if values.type.unit == "ns" and pc.any(pc.not_equal(whole.cast(values.type), values)).as_py():
            casts[column.name] = "timestamps cut to microseconds"
        return whole.cast(pa.int64())
    try:
        return values.cast(pa.int64())
    except pa.ArrowInvalid as error:
        mend = "Leave the column out, or cast it to float64 or string"
        raise DataError(f"an integer is beyond int64 ({error})", f"column {column.name!r}", mend) from None


def _single_precision(column: Column, values: pa.Array, casts: dict[str, str]) -> pa.FloatArray:
    if values.type != pa.float64():
        return values.cast(pa.float32())
    wide = np.ascontiguousarray(values.fill_null(0.0) if values.null_count else values)
    with np.errstate(over="ignore"):
        narrow = wide.astype(np.float32)
    changed = narrow != wide
    if changed.any():
        rounded = changed & ~np.isnan(wide)
        if rounded.any():
            beyond = ", values beyond its range made infinite" if (np.isinf(narrow) & rounded).any() else ""
            casts[column.name] = f"float64 rounded to float32{beyond}"
    mask = values.is_null().to_numpy(zero_copy_only=False) if values.null_count else None
    return pa.array(narrow, pa.float32(), mask=mask)


def _fixed_cells(columns: list[Column], values: list[Any]) -> list[npt.NDArray[np.uint8]] | None:
    """Return the bytes of all values if every column has a value in each row, all of one size; else None."""
    if not fits(columns) or any(array.null_count for array in values):
        return None
    cells = []
    for column, array in zip(columns, values, strict=True):
        if column.kind is Kind.FLOAT:
            cells.append(array.to_numpy().astype("<f4", copy=False).view(np.uint8).reshape(-1, 4))
        else:
            found = uniform_varints(np.asarray(array.cast(pa.int64())))
            if found is None:
                return None
            cells.append(found)
    return cells


def _joined_block(cells: list[Cells], start: int, stop: int) -> memoryview:
    """Encode rows of any columns: header, map entries and footer joined row by row."""
    pieces = [piece for column in cells for piece in column.block(start, stop)]
    sizes = np.zeros(stop - start, np.int64)
    for piece in pieces:
        lengths = pc.binary_length(piece)
        sizes += (lengths.fill_null(0) if lengths.null_count else lengths).to_numpy()
    footer = pa.scalar(bytes(FOOTER))
    joined = pc.binary_join_element_wise(_headers(sizes), *pieces, footer, pa.scalar(b""), null_handling="skip")
    _, offsets, data = joined.buffers()
    ends = np.frombuffer(offsets, np.int32, len(joined), 4).astype(np.int64)
    out = np.frombuffer(data, np.uint8, ends[-1])
    if not out.flags.writeable:
        out = out.copy()
    starts = np.concatenate(([0], ends[:-1])) + HEADER
    crc = crc_of_slices(out.tobytes(), starts.tolist(), (ends - FOOTER).tolist()).astype("<u4", copy=False)
    out[(ends - FOOTER)[:, None] + np.arange(FOOTER)] = crc.view(np.uint8).reshape(-1, 4)
    return out.data


def _headers(sizes: npt.NDArray[np.int64]) -> pa.BinaryArray:
    """Return what stands before the map entries of each record: the frame's header and the tag of the features."""
    heads = _feature_heads(sizes)
    lengths = (sizes + heads[1]).astype("<u8")
    rows = np.zeros((len(sizes), HEADER + heads[0].shape[1]), np.uint8)
    rows[:, :8] = lengths.view(np.uint8).reshape(-1, 8)
    rows[:, 8:HEADER] = np.ascontiguousarray(crc_of_lengths(lengths), "<u4").view(np.uint8).reshape(-1, 4)
    rows[:, HEADER:] = heads[0]
    widths = HEADER + heads[1]
    width = int(widths[0])
    if (widths == width).all():
        return binary_array(np.ascontiguousarray(rows[:, :width]).reshape(-1), widths)
    return binary_array(rows[np.arange(rows.shape[1]) < widths[:, None]], widths)


def _feature_heads(sizes: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return the tag and length of the features for each size, padded, and how many bytes of it count."""
    coded = pa.array(sizes).dictionary_encode()
    which = coded.indices.to_numpy()
    # A record without any feature is empty, as TensorFlow writes it.
    heads = [MESSAGE + varint(size) if size else b"" for size in coded.dictionary.to_pylist()]
    width = max(map(len, heads))
    table = np.frombuffer(b"".join(head.ljust(width, b"\0") for head in heads), np.uint8)
    table = table.reshape(len(heads), width)
    return table[which], np.array([len(head) for head in heads])[which]
