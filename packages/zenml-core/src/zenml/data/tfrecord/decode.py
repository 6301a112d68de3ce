"""decode: the bytes of a TFRecord file as a table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from zenml.data.tfrecord._crc import crc_of_rows, masked
from zenml.data.tfrecord._frames import FOOTER, HEADER, Frames, frames_of
from zenml.data.tfrecord._reader import PADDING, BlockReader
from zenml.data.tfrecord._record import read_record
from zenml.data.tfrecord._wire import Column, Kind, columns_of
from zenml.data.tfrecord.encode import float_frame
from zenml.errors import DataError

_BLOCK_ROWS = 1 << 14
_BLOCK_BYTES = 1 << 30
_TEMPLATE_ROWS = 1 << 12

_STORED = {Kind.BYTES: pa.binary(), Kind.FLOAT: pa.float32(), Kind.INT: pa.int64()}


def decode_file(path: Path, schema: pa.Schema) -> pa.Table:
    """Read a TFRecord file of tf.Example records; see `decode`.

    Args:
        path: the file.
        schema: the columns to read, and their types.
    """
    return decode(path.read_bytes(), schema, name=str(path))


def decode(data: bytes | memoryview | pa.Buffer, schema: pa.Schema, *, name: str = "TFRecord data") -> pa.Table:
    """Read framed tf.Example records.

    An absent feature is a null; features that are not in the schema are left out. Records are safe to come from anyone:
    every checksum and every length is checked.

    Args:
        data: the bytes of one or many TFRecord files.
        schema: the columns to read, and their types.
        name: what to call the data in an error.

    Returns:
        One row per record, in the columns of `schema`.

    Raises:
        DataError: damaged or cut off records, features of another kind or with several values, values that do not fit
            the type of their column; with file and record, counted from 1.
    """
    columns = columns_of(schema)
    frames = frames_of(data if isinstance(data, bytes) else bytes(data), name)
    stored = _from_template(frames, columns)
    blocks = [stored] if stored is not None else list(_blocks(frames, columns))
    return pa.Table.from_batches([_typed(block, columns, schema, name) for block in blocks], schema)


def _from_template(frames: Frames, columns: list[Column]) -> list[pa.Array] | None:
    """Read records that differ from one template in their values only, which are floats without a null."""
    if not columns or not len(frames.starts) or any(column.kind is not Kind.FLOAT for column in columns):
        return None
    frame, places = float_frame(columns)
    if len(frames.data) != len(frame) * len(frames.starts):
        return None
    rows = np.frombuffer(frames.data, np.uint8).reshape(-1, len(frame))
    same = np.full(len(frame), 0xFF, np.uint8)
    for place in (*places, len(frame) - FOOTER):
        same[place : place + 4] = 0
    wanted = np.frombuffer(frame, np.uint8) & same
    values = np.empty((len(columns), len(rows)), "<f4")
    crc = np.empty(len(rows), np.uint32)
    record = frame[HEADER:-FOOTER]
    for start in range(0, len(rows), _TEMPLATE_ROWS):
        block = rows[start : start + _TEMPLATE_ROWS]
        if ((block & same) != wanted).any():
            return None
        pairs = []
        for place, column in zip(places, values, strict=True):
            cells = column[start : start + len(block)]
            cells.view(np.uint8).reshape(-1, 4)[:] = block[:, place : place + 4]
            pairs.append((place - HEADER, cells.view("<u2").reshape(-1, 2)))
        crc[start : start + len(block)] = crc_of_rows(record, pairs)
    frames.compare(masked(crc))
    return [pa.array(column.astype(np.float32, copy=False)) for column in values]


def _blocks(frames: Frames, columns: list[Column]) -> Iterator[list[pa.Array]]:
    """Read any records, some thousands at a time; each block's columns are in the order of `columns`."""
    frames.check()
    starts, stops, data = frames.starts, frames.stops, np.frombuffer(frames.data, np.uint8)
    padding = PADDING + max((len(column.key) for column in columns), default=0)
    first = 0
    while first < len(starts):
        base = int(starts[first])
        last = min(first + _BLOCK_ROWS, int(np.searchsorted(stops, base + _BLOCK_BYTES, "right")))
        last = max(last, first + 1)
        end = int(stops[last - 1])
        if end - base > np.iinfo(np.int32).max - padding:
            raise DataError("the record is larger than 2 GiB", frames.place(first))
        block = data[base : end + padding]
        if len(block) < end + padding - base:
            block = np.concatenate((block, np.zeros(end + padding - base - len(block), np.uint8)))
        reader = BlockReader(block, starts[first:last] - base, stops[first:last] - base)
        arrays = [reader.read(column) for column in columns]
        left = np.flatnonzero(reader.end())
        yield _mended(arrays, left, first, frames, columns) if len(left) else arrays
        first = last


def _mended(
    arrays: list[pa.Array], rows: npt.NDArray[np.intp], first: int, frames: Frames, columns: list[Column]
) -> list[pa.Array]:
    """Put records that the block reader left over in their places."""
    data = memoryview(frames.data)
    by_key = {column.key: column for column in columns}
    found = [
        read_record(data[frames.starts[row] : frames.stops[row]], by_key, frames.place(row))
        for row in (rows + first).tolist()
    ]
    mended = []
    for array, column in zip(arrays, columns, strict=True):
        values: list[Any] = [record.get(column.key) for record in found]
        order = np.arange(len(array))
        order[rows] = len(array) + np.arange(len(rows))
        mended.append(pa.concat_arrays([array, pa.array(values, _STORED[column.kind])]).take(pa.array(order)))
    return mended


def _typed(arrays: list[pa.Array], columns: list[Column], schema: pa.Schema, name: str) -> pa.RecordBatch:
    """Cast stored values to the types of the schema, in its order."""
    typed: list[pa.Array] = [None] * len(schema)
    for array, column in zip(arrays, columns, strict=True):
        try:
            typed[column.index] = _cast(array, column.type)
        except pa.ArrowInvalid as error:
            raise DataError(f"a value does not fit type {column.type} ({error})", f"{name}, feature {column.name!r}") from None
    return pa.record_batch(typed, schema=schema)


def _cast(array: pa.Array, target: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(target):
        return array.cast(pa.timestamp("us", target.tz)).cast(target)
    if pa.types.is_float16(target):
        return array.cast(target, safe=False)
    return array.cast(target)
