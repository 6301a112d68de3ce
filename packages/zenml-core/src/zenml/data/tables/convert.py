"""Conversion: arrays of any source as arrays of a logical type, and which of their cells do not fit it."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from zenml.data.lists import Lists, is_list
from zenml.data.schema import FeatureType, ListType, LogicalType
from zenml.data.tables.kinds import plain_type
from zenml.data.tables.timestamps import parse_timestamps

_WHAT = {
    LogicalType.INTEGER: "not a 64-bit integer",
    LogicalType.FLOAT: "not a number",
    LogicalType.BOOLEAN: "neither true nor false",
    LogicalType.STRING: "not UTF-8 text",
    LogicalType.TIMESTAMP: "not a date or time that exists, in ISO 8601 and microseconds",
}


def plain(array: pa.Array) -> pa.Array:
    """Return the values of an array without dictionary, extension or runs."""
    while True:
        if isinstance(array, pa.ExtensionArray):
            array = array.storage
        elif pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        elif pa.types.is_run_end_encoded(array.type):
            array = pc.run_end_decode(array)
        else:
            return array


def convert(array: pa.Array, kind: FeatureType) -> pa.Array:
    """Return an array in the Arrow type of a logical type, without changing a value; not-a-number becomes null.

    Of the lists, only those of floats may miss values inside.

    Raises:
        pa.ArrowInvalid: a value does not fit; `misfits` finds it.
    """
    array = plain(array)
    if isinstance(kind, ListType):
        return _convert_lists(array, kind)
    if kind is LogicalType.STRING and (pa.types.is_string(array.type) or pa.types.is_large_string(array.type)):
        # Whoever wrote the file promised UTF-8, which only this cast looks at.
        array = array.cast(pa.large_binary() if pa.types.is_large_string(array.type) else pa.binary())
    if kind is LogicalType.TIMESTAMP:
        if _is_text(array.type):
            return parse_timestamps(array.cast(pa.string()))
        if pa.types.is_timestamp(array.type):
            return array.cast(pa.timestamp("us", array.type.tz)).cast(pa.timestamp("us"))
    if kind is LogicalType.BOOLEAN and (pa.types.is_integer(array.type) or pa.types.is_floating(array.type)):
        known = pc.is_in(array, value_set=pa.array([0, 1]).cast(array.type))
        if not pc.all(pc.or_(known, pc.is_null(array))).as_py():
            raise pa.ArrowInvalid("numbers other than 0 and 1 are no truth values")
    if kind is LogicalType.INTEGER and pa.types.is_floating(array.type):
        array = without_nan(array.cast(pa.float64()))
    array = array.cast(kind.arrow)
    return without_nan(array) if kind is LogicalType.FLOAT else array


def _convert_lists(array: pa.Array, kind: ListType) -> pa.Array:
    if pa.types.is_null(array.type):
        return array.cast(kind.arrow)
    if not is_list(array.type):
        raise pa.ArrowInvalid("a value that is no list")
    lists = Lists.of(array)
    values = convert(lists.values, kind.element)
    if values.null_count and kind.element is not LogicalType.FLOAT:
        raise pa.ArrowInvalid("a value is missing inside of a list")
    return replace(lists, values=values).array(kind.length)


def without_nan(array: pa.Array) -> pa.Array:
    """Turn not-a-number into null, so that a missing number has one form."""
    found = pc.is_nan(array)
    return pc.if_else(found, pa.scalar(None, array.type), array) if pc.any(found).as_py() else array


def misfits(array: pa.Array, kind: FeatureType, most: int) -> list[int]:
    """Return the places of the first cells that do not fit a logical type, by halving the array; at most so many."""
    found: list[int] = []
    todo = [(0, len(array))]
    while todo and len(found) < most:
        start, stop = todo.pop()
        try:
            convert(array.slice(start, stop - start), kind)
        except (pa.ArrowInvalid, UnicodeDecodeError):
            if stop - start == 1:
                found.append(start)
            else:
                middle = (start + stop) // 2
                todo += [(middle, stop), (start, middle)]
    return found


def reason(kind: FeatureType, source: pa.DataType) -> str:
    """Say what a cell is not, when it does not fit."""
    if isinstance(kind, ListType):
        many = f"{kind.length} " if kind.length else ""
        return f"not a list of {many}{kind.element} values" + (
            "" if kind.element is LogicalType.FLOAT else " of which none is missing"
        )
    if kind is LogicalType.TIMESTAMP and pa.types.is_timestamp(plain_type(source)):
        return "finer than a microsecond, or too far away for microseconds in 64 bits"
    return _WHAT.get(kind, f"not of type {kind}")


def shown(array: pa.Array, place: int) -> str:
    """Return a cell for a message."""
    cell = plain(array.slice(place, 1))
    if is_list(cell.type) and cell[0].is_valid:
        values = cell.flatten()
        return f"[{', '.join(shown(values, number) for number in range(min(len(values), 8)))}]"[:80]
    if _is_text(cell.type):
        value: bytes = cell.cast(pa.large_binary())[0].as_py()
        return value[:80].decode("utf-8", "backslashreplace")
    if pa.types.is_timestamp(cell.type):
        return f"{cell.cast(pa.int64())[0].as_py()} {cell.type.unit} since 1970"
    return str(cell[0].as_py())[:80]


def _is_text(kind: pa.DataType) -> bool:
    texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(check(kind) for check in (*texts, pa.types.is_binary, pa.types.is_large_binary))
