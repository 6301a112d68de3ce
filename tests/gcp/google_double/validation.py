"""Validation of JSON by the schemas of a discovery document: what a service refuses, and what it never answers."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any

_RANGES = {
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
}
_FORMATS = {
    "google-datetime": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"),
    "date-time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"),
    "google-duration": re.compile(r"-?\d+(\.\d{1,9})?s"),
    "google-fieldmask": re.compile(r"[a-zA-Z_][\w.]*(,[a-zA-Z_][\w.]*)*"),
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
}

Schema = Mapping[str, Any]


class Schemas:
    """The schemas of one document.

    Args:
        by_name: the schemas, which refer to each other.
    """

    def __init__(self, by_name: Mapping[str, Schema]) -> None:
        self._by_name = by_name

    def enum_of(self, name: str, property_: str) -> list[str]:
        """Return the values that a property of a schema may have."""
        return list(self._by_name[name]["properties"][property_]["enum"])

    def of_request(self, name: str, value: Any, method: str, verb: str, *, numbers: bool = False) -> list[str]:
        """Return what is wrong with a body that is sent.

        Args:
            name: of its schema.
            value: the body.
            method: its id; a field may be required of some methods only.
            verb: of HTTP; a patch needs no field.
            numbers: whether enumerations may be given as numbers, as newer clients do.
        """
        return list(self._check({"$ref": name}, value, "", _Rules(method, verb != "PATCH", True, numbers)))

    def of_response(self, name: str, value: Any) -> list[str]:
        """Return what is wrong with an answer."""
        return list(self._check({"$ref": name}, value, "", _Rules("", False, False, False)))

    def _check(self, schema: Schema, value: Any, where: str, rules: _Rules) -> Iterator[str]:
        if "$ref" in schema:
            schema = self._by_name[schema["$ref"]]
        kind = schema.get("type")
        if kind == "object":
            yield from self._object(schema, value, where, rules)
        elif kind == "array":
            if not isinstance(value, list):
                yield _wrong(where, "a list", value)
                return
            for number, item in enumerate(value):
                yield from self._check(schema["items"], item, f"{where}[{number}]", rules)
        elif kind != "any":
            yield from _scalar(schema, value, where, rules)

    def _object(self, schema: Schema, value: Any, where: str, rules: _Rules) -> Iterator[str]:
        if not isinstance(value, dict):
            yield _wrong(where, "an object", value)
            return
        properties: Mapping[str, Schema] = schema.get("properties", {})
        other = schema.get("additionalProperties")
        for name, item in value.items():
            place = f"{where}.{name}" if where else name
            known = properties.get(name, other)
            if known is None:
                yield f"Invalid JSON payload received. Unknown name \"{name}\" at '{where}': Cannot find field."
            elif rules.sent and known.get("readOnly"):
                yield f"{place} is set by the service only"
            else:
                yield from self._check(known, item, place, rules)
        for name, known in properties.items():
            if name not in value and rules.demands(known):
                yield f"Required field '{f'{where}.{name}' if where else name}' not specified"


class _Rules:
    def __init__(self, method: str, complete: bool, sent: bool, numbers: bool) -> None:
        self.method, self.complete, self.sent, self.numbers = method, complete, sent, numbers

    def demands(self, schema: Schema) -> bool:
        if not self.sent or not self.complete or schema.get("readOnly"):
            return False
        if self.method in schema.get("annotations", {}).get("required", ()):
            return True
        return str(schema.get("description", "")).startswith("Required.")


def _scalar(schema: Schema, value: Any, where: str, rules: _Rules) -> Iterator[str]:
    kind, form = schema.get("type"), schema.get("format", "")
    if kind == "boolean":
        if not isinstance(value, bool):
            yield _wrong(where, "true or false", value)
    elif kind == "number":
        if isinstance(value, bool) or not isinstance(value, int | float):
            yield _wrong(where, "a number", value)
    elif kind == "integer" or form in _RANGES:
        yield from _integer(form or "int32", value, where)
    elif kind == "string" and isinstance(value, str):
        yield from _string(schema, form, value, where)
    elif not (rules.numbers and type(value) is int and 0 <= value < len(schema.get("enum", ()))):
        yield _wrong(where, "a text", value)


def _integer(form: str, value: Any, where: str) -> Iterator[str]:
    number = int(value) if isinstance(value, str) and re.fullmatch(r"-?\d+", value) else value
    low, high = _RANGES.get(form, _RANGES["int64"])
    if isinstance(number, bool) or not isinstance(number, int):
        yield _wrong(where, f"an integer ({form})", value)
    elif not low <= number <= high:
        yield f"Invalid value at '{where}': {number} is out of range for {form}"


def _string(schema: Schema, form: str, value: str, where: str) -> Iterator[str]:
    if schema.get("enum") and value not in schema["enum"]:
        yield f"Invalid value for field '{where}': '{value}'. Invalid value."
    elif schema.get("pattern") and not re.fullmatch(schema["pattern"], value):
        yield f"Invalid value for field '{where}': '{value}'. Must be a match of regex '{schema['pattern']}'"
    elif form in _FORMATS and not _FORMATS[form].fullmatch(value):
        yield f"Invalid value at '{where}' ({form}): '{value}'"
    elif form == "byte":
        try:
            base64.b64decode(value.replace("-", "+").replace("_", "/"), validate=True)
        except binascii.Error:
            yield f"Invalid value at '{where}' (TYPE_BYTES), Base64 decoding failed"


def _wrong(where: str, wanted: str, value: Any) -> str:
    return f"Invalid value at '{where}': {value!r} is not {wanted}"
