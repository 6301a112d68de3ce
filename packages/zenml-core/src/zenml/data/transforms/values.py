"""ValueType: what flows through the methods of a column, and how it is held in Arrow arrays."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from zenml.data.lists import Lists, is_list
from zenml.data.schema import FeatureType, ListType


class ValueType(StrEnum):
    """The type of a column's values between two methods."""

    INTEGER = "integer"
    FLOAT = "float"
    BOOLEAN = "boolean"
    STRING = "string"
    BYTES = "bytes"
    TIMESTAMP = "timestamp"
    VECTOR = "vector"

    @property
    def numeric(self) -> bool:
        """Say whether the values are numbers to calculate with."""
        return self in NUMBERS


NUMBERS = frozenset({ValueType.INTEGER, ValueType.FLOAT})
CATEGORIES = frozenset({ValueType.INTEGER, ValueType.BOOLEAN, ValueType.STRING})
SCALARS = NUMBERS | CATEGORIES
TEXT = frozenset({ValueType.STRING})

Value = bool | int | float | str
"""A value of a column, as JSON holds it."""

Floats = npt.NDArray[np.float64]

ARROW = {
    ValueType.INTEGER: pa.int64(),
    ValueType.FLOAT: pa.float64(),
    ValueType.BOOLEAN: pa.bool_(),
    ValueType.STRING: pa.utf8(),
    ValueType.BYTES: pa.binary(),
    ValueType.TIMESTAMP: pa.timestamp("us"),
}


def value_type(kind: FeatureType) -> ValueType | None:
    """Return the type of the values of a raw column, or None where nothing can be made of them.

    Lists of numbers are vectors if all have one length.
    """
    if isinstance(kind, ListType):
        return ValueType.VECTOR if kind.length and kind.element.numeric else None
    return ValueType(kind.value)


def entering(array: pa.Array, kind: ValueType) -> pa.Array:
    """Bring a raw column into the Arrow type of its values; not-a-number becomes null.

    Raises:
        ValueError: its values are of another kind.
    """
    given, wanted = array.type, ARROW[kind]
    if pa.types.is_dictionary(given):
        array = array.dictionary_decode()
        given = array.type
    if pa.types.is_floating(given):
        array = without_nan(array)
    if given == wanted:
        return array
    family = _FAMILIES[kind]
    if not (pa.types.is_null(given) or any(check(given) for check in family)):
        raise ValueError(f"its values are of type {given}, but {kind} is expected")
    try:
        return array.cast(wanted, safe=kind not in (ValueType.FLOAT, ValueType.TIMESTAMP))
    except pa.ArrowInvalid as error:
        raise ValueError(f"its values do not fit {kind}: {error}") from None


def entering_vectors(array: pa.Array, width: int) -> pa.Array:
    """Bring a raw column of lists into vectors of float32; a number or a list that is missing is NaN.

    Raises:
        ValueError: its values are no lists of so many numbers.
    """
    if pa.types.is_null(array.type):
        array = array.cast(pa.list_(pa.float32()))
    if not is_list(array.type):
        raise ValueError(f"its values are of type {array.type}, but lists of {width} numbers are expected")
    lists = Lists.of(array)
    if lists.wrong_lengths(width).any():
        raise ValueError(f"a list does not have {width} values")
    if not (pa.types.is_null(lists.values.type) or any(check(lists.values.type) for check in _NUMERIC_CHECKS)):
        raise ValueError(f"its values are of type {array.type}, but lists of {width} numbers are expected")
    vectors = np.full((len(array), width), np.nan, np.float32)
    with np.errstate(over="ignore"):
        numbers = floats_of(lists.values).astype(np.float32).reshape(-1, width)
    vectors[slice(None) if lists.missing is None else ~lists.missing] = numbers
    return pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), width)


_NUMERIC_CHECKS = (pa.types.is_integer, pa.types.is_floating)
_FAMILIES = {
    ValueType.INTEGER: _NUMERIC_CHECKS,
    ValueType.FLOAT: _NUMERIC_CHECKS,
    ValueType.BOOLEAN: (pa.types.is_boolean,),
    ValueType.STRING: (pa.types.is_string, pa.types.is_large_string),
    ValueType.BYTES: (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary),
    ValueType.TIMESTAMP: (pa.types.is_timestamp, pa.types.is_date),
}


def without_nan(array: pa.Array) -> pa.Array:
    """Make not-a-number null."""
    nan = pc.is_nan(array)
    return pc.if_else(nan, pa.scalar(None, array.type), array) if pc.any(nan).as_py() else array


def floats_of(array: pa.Array) -> Floats:
    """Return numbers or booleans as float64, NaN where there is none."""
    if pa.types.is_boolean(array.type):
        array = array.cast(pa.uint8())
    wide = array.cast(pa.float64(), safe=False)
    return np.asarray(wide.fill_null(np.nan) if wide.null_count else wide)


def array_of(values: Floats) -> pa.Array:
    """Return numbers as an array, null where they are not a number."""
    return without_nan(pa.array(values, pa.float64()))
