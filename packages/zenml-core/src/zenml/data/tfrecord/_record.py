"""read_record: one record of any writer, with every length checked; slow, for what the fast way leaves over."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Any

from zenml.data.tfrecord._wire import Column, Kind
from zenml.errors import DataError

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED_SIZES = {_FIXED64: 8, _FIXED32: 4}
_KIND_NAMES = {Kind.BYTES: "bytes", Kind.FLOAT: "float", Kind.INT: "int64"}
_INT64 = 1 << 63


def read_record(
    data: memoryview, columns: Mapping[bytes, Column], where: str, *, closed: bool = False
) -> dict[bytes, Any]:
    """Read the features of a record that are columns.

    Args:
        data: the bytes of a tf.Example.
        columns: columns by key.
        where: what to call the record in an error.
        closed: whether any other feature is an error; by default others are left out.

    Raises:
        DataError: bytes that are not a tf.Example, a feature of another kind, or, of a column without lists, one with
            no value or several.
    """
    found: dict[bytes, Any] = {}
    try:
        for key, feature in _features(data):
            if key in columns:
                found[key] = _value(feature, columns[key], where)
            elif closed:
                raise DataError(f"it has a feature {key.decode('utf-8', 'replace')!r} that is no column", where)
    except _MalformedError as error:
        raise DataError(f"the record is not a tf.Example: {error}", where) from None
    return {key: value for key, value in found.items() if value is not None}


def all_features(data: memoryview, where: str) -> dict[bytes, tuple[Kind, list[Any]]]:
    """Read all features of a record that hold a list: their kinds and values.

    Args:
        data: the bytes of a tf.Example.
        where: what to call the record in an error.

    Raises:
        DataError: bytes that are not a tf.Example.
    """
    try:
        found = {key: _list(feature) for key, feature in _features(data)}
    except _MalformedError as error:
        raise DataError(f"the record is not a tf.Example: {error}", where) from None
    return {key: (kind, values) for key, (kind, values) in found.items() if kind is not None}


class _MalformedError(Exception):
    pass


def _features(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    for number, features in _fields(data):
        if number == 1 and isinstance(features, memoryview):
            for field, pair in _fields(features):
                if field == 1 and isinstance(pair, memoryview):
                    yield _pair(pair)


def _pair(data: memoryview) -> tuple[bytes, memoryview]:
    key, feature = b"", memoryview(b"")
    for number, value in _fields(data):
        if isinstance(value, memoryview):
            if number == 1:
                key = bytes(value)
            elif number == 2:
                feature = value
    return key, feature


def _list(feature: memoryview) -> tuple[Kind | None, list[Any]]:
    """Return kind and values of a feature's list."""
    kind: Kind | None = None
    values: list[Any] = []
    for number, part in _fields(feature):
        if number in (1, 2, 3) and isinstance(part, memoryview):
            given = Kind(number << 3 | _BYTES)
            values = [*(values if given is kind else ()), *_LISTS[given](part)]
            kind = given
    return kind, values


def _value(feature: memoryview, column: Column, where: str) -> Any:
    """Return the one value of a feature, or all of a column of lists, or None where it holds no list at all."""
    kind, values = _list(feature)
    if kind is None:
        return None
    place = f"{where}, feature {column.name!r}"
    if kind is not column.kind:
        raise DataError(f"it is of kind {_KIND_NAMES[kind]}, but {_KIND_NAMES[column.kind]} is expected", place)
    if column.repeated:
        return values
    if len(values) != 1:
        mend = "Read the feature as a list, or leave it out"
        raise DataError(f"it is a list of {len(values)} values, but one value is expected", place, mend)
    return values[0]


def _bytes_list(data: memoryview) -> Iterator[bytes]:
    for number, value in _fields(data):
        if number == 1 and isinstance(value, memoryview):
            yield bytes(value)


def _float_list(data: memoryview) -> Iterator[float]:
    for number, value in _fields(data):
        if number == 1 and isinstance(value, memoryview):
            if len(value) % 4:
                raise _MalformedError("a list of floats is cut off")
            yield from struct.unpack(f"<{len(value) // 4}f", value)


def _int64_list(data: memoryview) -> Iterator[int]:
    for number, value in _fields(data):
        if number != 1:
            continue
        if isinstance(value, memoryview):
            position = 0
            while position < len(value):
                item, position = _varint(value, position)
                yield _signed(item)
        else:
            yield _signed(value)


_LISTS = {Kind.BYTES: _bytes_list, Kind.FLOAT: _float_list, Kind.INT: _int64_list}


def _signed(value: int) -> int:
    return value - 2 * _INT64 if value >= _INT64 else value


def _fields(data: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    """Give the fields of a message: number, and the varint or the bytes (fixed-size numbers as bytes)."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, position = _varint(data, position)
            yield number, value
            continue
        if wire == _BYTES:
            size, position = _varint(data, position)
        elif wire in _FIXED_SIZES:
            size = _FIXED_SIZES[wire]
        else:
            raise _MalformedError(f"wire type {wire} at byte {position}")
        if size > len(data) - position:
            raise _MalformedError(f"a length at byte {position} goes beyond the end")
        yield number, data[position : position + size]
        position += size


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise _MalformedError("a number is cut off")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, position
    raise _MalformedError(f"a number before byte {position} is longer than ten bytes")
