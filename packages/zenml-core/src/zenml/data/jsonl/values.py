"""Values: JSON values as cells of a logical type."""

from __future__ import annotations

import math
import re
from typing import Any

from zenml.data.jsonl.objects import Members, Number, describe
from zenml.data.schema import FeatureType, ListType, LogicalType

_INTEGER = re.compile(r"-?[0-9]+")
_FLOAT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_WORDS = {"true": True, "false": False}
_LOW, _HIGH = -(1 << 63), (1 << 63) - 1
_LONGEST = 20

_WANTED = {
    LogicalType.INTEGER: "an integer",
    LogicalType.FLOAT: "a number",
    LogicalType.BOOLEAN: "true or false",
    LogicalType.STRING: "a text",
    LogicalType.BYTES: "a text",
    LogicalType.TIMESTAMP: "a text with a date or time",
}


class UnfitError(Exception):
    """A value does not fit; the message says what it is instead."""


class NotIntegerError(UnfitError):
    """A number that an integer column cannot hold and a float column can."""


def cell(value: Any, kind: FeatureType, declared: bool) -> Any:
    """Return a JSON value as a Python value of a type of features; a timestamp stays a text.

    Args:
        value: what `parse_lines` gave.
        kind: the type of the column.
        declared: whether the user gave the type; then texts are read as numbers and numbers as texts.

    Raises:
        UnfitError: it does not fit.
    """
    if value is None:
        return None
    if isinstance(kind, ListType):
        return _list(value, kind, declared)
    if isinstance(value, list):
        raise UnfitError(f"{describe(value)}, and nested values have no place in a table of features")
    if kind in (LogicalType.INTEGER, LogicalType.FLOAT) and isinstance(value, str):
        if isinstance(value, Number) or declared:
            return _number(value.strip(), kind)
    elif kind is LogicalType.BOOLEAN:
        if isinstance(value, bool):
            return value
        if declared and isinstance(value, str) and value.lower() in _WORDS:
            return _WORDS[value.lower()]
    elif isinstance(value, str) and (declared or not isinstance(value, Number)):
        return _text(value, kind)
    elif declared and isinstance(value, bool):
        return _text(str(value).lower(), kind)
    raise UnfitError(f"{describe(value)}, not {_WANTED[kind]}")


def _list(value: Any, kind: ListType, declared: bool) -> list[Any]:
    if not isinstance(value, list) or isinstance(value, Members):
        raise UnfitError(f"{describe(value)}, not a list")
    if kind.length and len(value) != kind.length:
        raise UnfitError(f"a list of {len(value)} values, not of {kind.length}")
    cells = [cell(each, kind.element, declared) for each in value]
    if None in cells and kind.element is not LogicalType.FLOAT:
        raise UnfitError("a list in which a value is missing")
    return cells


def _number(text: str, kind: LogicalType) -> int | float | None:
    if kind is LogicalType.INTEGER:
        if _INTEGER.fullmatch(text):
            if len(text.lstrip("-0")) < _LONGEST and _LOW <= int(text) <= _HIGH:
                return int(text)
            raise UnfitError("beyond the range of 64-bit integers")
        if text == "NaN":
            return None
        if _FLOAT.fullmatch(text) or text in _SPECIAL:
            raise NotIntegerError("not an integer")
        raise UnfitError("not an integer")
    if text in _SPECIAL:
        return _SPECIAL[text]
    if not _FLOAT.fullmatch(text):
        raise UnfitError("not a number")
    number = float(text)
    if math.isinf(number):
        raise UnfitError("beyond the range of floats")
    return number


def _text(value: str, kind: LogicalType) -> str | bytes:
    try:
        data = value.encode()
    except UnicodeEncodeError:
        raise UnfitError("not Unicode text: half of a surrogate pair stands alone") from None
    return data if kind is LogicalType.BYTES else str(value)
