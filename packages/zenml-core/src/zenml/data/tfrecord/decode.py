"""decode: the bytes of a TFRecord file as a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from zenml.data.lists import Lists
from zenml.data.tfrecord._block import PADDING, Block
from zenml.data.tfrecord._frames import Frames, Read, compare_checksums, frames_of
from zenml.data.tfrecord._integers import uniform_integers
from zenml.data.tfrecord._keyed import FEW, read_keyed
from zenml.data.tfrecord._reader import BlockReader
from zenml.data.tfrecord._record import all_features, read_record
from zenml.data.tfrecord._template import ROWS, Template
from zenml.data.tfrecord._wire import STORED, Column, Kind, columns_of
from zenml.errors import DataError

_FIRST = 1 << 16
"""Bytes in which a first record is looked for that others may be like."""

_NUMBERS = {Kind.FLOAT: np.float32, Kind.INT: np.int64}


def decode_file(path: Path, schema: pa.Schema) -> pa.Table:
    """Read a TFRecord file of tf.Example records; see `decode`.

    Args:
        path: the file.
        schema: the columns to read, and their types.
    """
    with path.open("rb") as file:

        def read(position: int, size: int) -> bytes:
            file.seek(position)
            return file.read(size)

        return _decode(read, path.stat().st_size, schema, str(path))


def decode(data: bytes | memoryview | pa.Buffer, schema: pa.Schema, *, name: str = "TFRecord data") -> pa.Table:
    """Read framed tf.Example records.

    An absent feature is a null, one without values an empty list; features that are not in the schema are left out.
    Records may come from anyone, with their keys in any order: every checksum and every length is checked.

    Args:
        data: the bytes of one or many TFRecord files.
        schema: the columns to read, and their types.
        name: what to call the data in an error.

    Returns:
        One row per record, in the columns of `schema`.

    Raises:
        DataError: damaged or cut off records, features of another kind or with another number of values, values that
            do not fit the type of their column; with file and record, counted from 1.
    """
    view = memoryview(data)
    return _decode(lambda position, size: bytes(view[position : position + size]), view.nbytes, schema, name)


def decode_batches(
    read: Read, size: int, schema: pa.Schema, *, name: str, closed: bool = False
) -> Iterator[pa.RecordBatch]:
    """Read framed tf.Example records some megabytes at a time; see `decode`.

    Args:
        read: gives so many bytes from a position on.
        size: how many bytes there are.
        schema: the columns to read, and their types.
        name: what to call the data in an error.
        closed: whether a feature that is not in the schema is an error; by default these are left out.
    """
    columns = columns_of(schema)
    for block in _blocks(read, size, columns, name, closed):
        yield _typed(block, columns, schema, name)


def _decode(read: Read, size: int, schema: pa.Schema, name: str) -> pa.Table:
    columns = columns_of(schema)
    stored = _from_template(read, size, columns, name)
    blocks = [stored] if stored is not None else _blocks(read, size, columns, name)
    return pa.Table.from_batches([_typed(block, columns, schema, name) for block in blocks], schema)


def _from_template(read: Read, size: int, columns: list[Column], name: str) -> list[pa.Array] | None:
    """Read records that are all laid out like the first one, or return None where they are not."""
    template = Template.like(columns, read(0, _FIRST))
    if template is None or size % len(template.frame):
        return None
    rows = size // len(template.frame)
    values: list[npt.NDArray[Any]] = [np.empty(rows, _NUMBERS[column.kind]) for column in columns]
    for start in range(0, rows, ROWS):
        data = read(start * len(template.frame), ROWS * len(template.frame))
        cells = template.cells(data)
        if cells is None:
            return None
        compare_checksums(template.checksums(cells), template.stored_checksums(data), name, start)
        for column, each, out in zip(columns, cells, values, strict=True):
            part = out[start : start + len(each)]
            if column.kind is Kind.FLOAT:
                part[:] = each.view("<f4").reshape(-1)
            else:
                part[:], wrong = uniform_integers(each)
                if wrong.any():
                    return None
    return [pa.array(column) for column in values]


def _blocks(read: Read, size: int, columns: list[Column], name: str, closed: bool = False) -> Iterator[list[pa.Array]]:
    """Read any records, some thousands at a time; each block's columns are in the order of `columns`."""
    padding = PADDING + max((len(column.key) for column in columns), default=0)
    order: list[Column] | None = columns
    for frames in frames_of(read, size, name, padding):
        data = np.frombuffer(frames.data, np.uint8)
        missing = int(frames.stops[-1]) + padding - len(data)
        if missing > 0:
            data = np.concatenate((data, np.zeros(missing, np.uint8)))
        arrays, order = _block(Block(data), frames, columns, order, closed)
        _check_lengths(arrays, frames, columns)
        yield arrays


def _block(
    block: Block, frames: Frames, columns: list[Column], order: list[Column] | None, closed: bool
) -> tuple[list[pa.Array], list[Column] | None]:
    """Read a block's records: with their keys in an order, or in any where that fails; what is left one by one.

    Returns:
        The columns, and the order in which to look for keys in the next block; None where there is none.
    """
    rows = len(frames.starts)
    arrays: list[pa.Array] = []
    left = np.arange(rows)
    if order is not None:
        arrays, left = _read_ordered(block, frames, columns, order)
        if 2 * len(left) > rows >= FEW:
            other = _order_of_first(columns, frames)
            arrays, left = _read_ordered(block, frames, columns, other)
            order = other if 2 * len(left) <= rows else None
    if columns and (len(left) >= FEW or order is None):
        more, still = read_keyed(block, frames.starts[left], frames.stops[left], columns, closed=closed)
        arrays = more if len(left) == rows else _placed(arrays, left, more)
        left = left[still]
    return _mended(arrays, left, frames, columns, closed) if len(left) else arrays, order


def _read_ordered(
    block: Block, frames: Frames, columns: list[Column], order: list[Column]
) -> tuple[list[pa.Array], npt.NDArray[np.intp]]:
    """Read records whose keys come in an order; return the columns and the rows that are otherwise."""
    reader = BlockReader(block, frames.starts, frames.stops)
    found = {column.name: reader.read(column) for column in order}
    return [found[column.name] for column in columns], reader.left_over()


def _order_of_first(columns: list[Column], frames: Frames) -> list[Column]:
    """Return the columns in the order of the first record."""
    try:
        first = all_features(memoryview(frames.data)[frames.starts[0] : frames.stops[0]], "")
    except DataError:
        return columns
    places = {key: place for place, key in enumerate(first)}
    return sorted(columns, key=lambda column: places.get(column.key, len(places)))


def _check_lengths(arrays: list[pa.Array], frames: Frames, columns: list[Column]) -> None:
    """Compare the lengths of lists with those that are told."""
    for array, column in zip(arrays, columns, strict=True):
        if column.length is not None:
            lists = Lists.of(array)
            rows = np.flatnonzero(lists.wrong_lengths(column.length))
            if len(rows):
                what = f"its list has {lists.counts[rows[0]]} values, but {column.length} are expected"
                place = f"{frames.place(int(rows[0]))}, feature {column.name!r}"
                raise DataError(what, place, "Read it as a list of any length")


def _mended(
    arrays: list[pa.Array], rows: npt.NDArray[np.intp], frames: Frames, columns: list[Column], closed: bool
) -> list[pa.Array]:
    """Put records that can only be read one by one in their places."""
    view = memoryview(frames.data)
    by_key = {column.key: column for column in columns}
    found = [
        read_record(view[frames.starts[row] : frames.stops[row]], by_key, frames.place(row), closed=closed)
        for row in rows.tolist()
    ]
    types = [pa.list_(STORED[column.kind]) if column.repeated else STORED[column.kind] for column in columns]
    more = [
        pa.array([record.get(column.key) for record in found], kind)
        for column, kind in zip(columns, types, strict=True)
    ]
    return _placed(arrays, rows, more)


def _placed(arrays: list[pa.Array], rows: npt.NDArray[np.intp], more: list[pa.Array]) -> list[pa.Array]:
    """Put the values of some rows in their places."""
    order = np.arange(len(arrays[0]) if arrays else 0)
    order[rows] = len(order) + np.arange(len(rows))
    taken = pa.array(order)
    return [pa.concat_arrays(pair).take(taken) for pair in zip(arrays, more, strict=True)]


def _typed(arrays: list[pa.Array], columns: list[Column], schema: pa.Schema, name: str) -> pa.RecordBatch:
    """Cast stored values to the types of the schema, in its order."""
    typed: list[pa.Array] = [None] * len(schema)
    for array, column in zip(arrays, columns, strict=True):
        try:
            typed[column.index] = _cast_lists(array, column) if column.repeated else _cast(array, column.type)
        except pa.ArrowInvalid as error:
            place = f"{name}, feature {column.name!r}"
            raise DataError(f"a value does not fit type {column.type} ({error})", place) from None
    return pa.record_batch(typed, schema=schema)


def _cast_lists(array: pa.Array, column: Column) -> pa.Array:
    lists = Lists.of(array)
    return replace(lists, values=_cast(lists.values, column.value_type)).array(column.length).cast(column.type)


def _cast(array: pa.Array, target: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(target):
        return array.cast(pa.timestamp("us", target.tz)).cast(target)
    if pa.types.is_float16(target):
        return array.cast(target, safe=False)
    return array.cast(target)
