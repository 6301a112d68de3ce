"""Kinds: the logical type in which a snapshot keeps the values of an Arrow type, and why it keeps some types not."""

from __future__ import annotations

import pyarrow as pa

from zenml.data.lists import is_list
from zenml.data.schema import ELEMENTS, FeatureType, ListType, LogicalType
from zenml.errors import Problem

_WHOLE_DIGITS, _EXACT_DIGITS = 18, 15
"""Decimals of so many digits are integers of 64 bits, and are told apart by a float."""

_SIMPLE = (
    (pa.types.is_integer, LogicalType.INTEGER),
    (pa.types.is_floating, LogicalType.FLOAT),
    (pa.types.is_boolean, LogicalType.BOOLEAN),
    (pa.types.is_string, LogicalType.STRING),
    (pa.types.is_large_string, LogicalType.STRING),
    (pa.types.is_string_view, LogicalType.STRING),
    (pa.types.is_binary, LogicalType.BYTES),
    (pa.types.is_large_binary, LogicalType.BYTES),
    (pa.types.is_fixed_size_binary, LogicalType.BYTES),
    (pa.types.is_binary_view, LogicalType.BYTES),
    (pa.types.is_timestamp, LogicalType.TIMESTAMP),
    (pa.types.is_date, LogicalType.TIMESTAMP),
)


def plain_type(kind: pa.DataType) -> pa.DataType:
    """Return the type of the values behind a dictionary or an extension."""
    while True:
        if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
            kind = kind.value_type
        elif isinstance(kind, pa.BaseExtensionType):
            kind = kind.storage_type
        else:
            return kind


def logical_type(kind: pa.DataType) -> FeatureType | None:
    """Return the type that keeps all values of an Arrow type, or None where there is none.

    Instants are kept in UTC, dates as their midnight, decimals as integers or floats where these are exact.
    """
    kind = plain_type(kind)
    if is_list(kind):
        element = logical_type(kind.value_type)
        length = kind.list_size if pa.types.is_fixed_size_list(kind) else None
        return ListType.of(element, length) if isinstance(element, LogicalType) and element in ELEMENTS else None
    if pa.types.is_decimal(kind):
        if kind.scale == 0 and kind.precision <= _WHOLE_DIGITS:
            return LogicalType.INTEGER
        return LogicalType.FLOAT if kind.scale >= 0 and kind.precision <= _EXACT_DIGITS else None
    return next((logical for check, logical in _SIMPLE if check(kind)), None)


def refusal(name: str, kind: pa.DataType, where: str) -> Problem:
    """Return the problem of a column that no logical type keeps, with what to do about it."""
    plain = plain_type(kind)
    place = f"{where}, column {name}"
    if is_list(plain) and isinstance(logical_type(plain.value_type), LogicalType):
        what = f"it holds lists ({kind}), and a list can have integers, floats, strings or bytes"
        return Problem(what, place, "Cast its values to one of these, or name the other columns in columns=[…]")
    if pa.types.is_nested(plain):
        return Problem(
            f"it holds nested values ({kind}), which a table of features cannot",
            place,
            "Flatten the column first, or leave it out by naming the others in columns=[…]",
        )
    if pa.types.is_decimal(plain):
        what = f"its numbers ({kind}) have more digits than a float keeps"
        mend = f'Declare it: types={{"{name}": "float"}} rounds them, "string" keeps every digit'
        return Problem(what, place, mend)
    mend = f'Declare it, as in types={{"{name}": "string"}}, or leave it out by naming the others in columns=[…]'
    return Problem(f"Arrow type {kind} has no counterpart among the types of features", place, mend)


def convertible(kind: pa.DataType, target: FeatureType) -> bool:
    """Say whether values of an Arrow type can be read as a type of features at all."""
    plain = plain_type(kind)
    if pa.types.is_null(plain):
        return True
    if isinstance(target, ListType) or is_list(plain):
        return is_list(plain) and isinstance(target, ListType) and convertible(plain.value_type, target.element)
    if pa.types.is_date(plain) and target is LogicalType.INTEGER:
        return False
    try:
        pa.array([], plain).cast(target.arrow)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return False
    return True
