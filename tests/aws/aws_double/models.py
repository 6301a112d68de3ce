"""Requests to AWS, read and checked by botocore's own models of the services, constraints included."""

from __future__ import annotations

import base64
import functools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape
from botocore.validate import ParamValidator

_NUMBERS = ("integer", "long", "float", "double")


class Unreadable(Exception):  # noqa: N818 - it is an answer
    """A request that is no call of the service."""


@dataclass(frozen=True)
class Call:
    """One call of a service.

    Args:
        service: as boto3 calls it.
        operation: in the service's spelling.
        params: its parameters, in Python's types.
    """

    service: str
    operation: str
    params: dict[str, Any]


@functools.cache
def service_model(service: str) -> ServiceModel:
    """Return botocore's newest model of a service."""
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


def problems(service: str, operation: str, params: Mapping[str, Any]) -> list[str]:
    """Return what the service's model holds against the parameters of a call: unknown and missing ones, wrong types,
    and values beyond the bounds, patterns and enumerations; empty where there is nothing.
    """
    shape = service_model(service).operation_model(operation).input_shape
    if shape is None:
        return [f"{operation} takes no parameters"] if params else []
    report = ParamValidator().validate(dict(params), shape)
    found = [report.generate_report()] if report.has_errors() else []
    return [*found, *_beyond(shape, params, operation)]


def shape_problems(service: str, shape: str, value: Any) -> list[str]:
    """Return what the service's model of a shape, as `RequestLaunchTemplateData`, holds against a value."""
    model = service_model(service).shape_for(shape)
    report = ParamValidator().validate(value, model)
    return [*([report.generate_report()] if report.has_errors() else []), *_beyond(model, value, shape)]


def _beyond(shape: Shape, value: Any, path: str) -> Iterator[str]:
    """Give what `ParamValidator` lets pass."""
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        for name, member in value.items():
            if name in shape.members:
                yield from _beyond(shape.members[name], member, f"{path}.{name}")
        return
    if isinstance(shape, MapShape) and isinstance(value, Mapping):
        for key, member in value.items():
            yield from _beyond(shape.key, key, f"{path} (key)")
            yield from _beyond(shape.value, member, f"{path}.{key}")
    elif isinstance(shape, ListShape) and isinstance(value, list | tuple):
        for number, member in enumerate(value):
            yield from _beyond(shape.member, member, f"{path}[{number}]")
    enum = getattr(shape, "enum", None)
    if enum and isinstance(value, str) and value not in enum:
        yield f"{path}: {value!r} is none of {', '.join(enum[:20])}{' …' if len(enum) > 20 else ''}"
    pattern = shape.metadata.get("pattern")
    if pattern and isinstance(value, str) and not _fits(pattern, value):
        yield f"{path}: {value[:80]!r} does not fit {pattern}"
    most = shape.metadata.get("max")
    if most is not None and (size := _size(shape, value)) is not None and size > most:
        yield f"{path}: {size} is more than {most}"


def _size(shape: Shape, value: Any) -> float | None:
    if shape.type_name in _NUMBERS:
        return float(value) if isinstance(value, int | float) else None
    return float(len(value)) if isinstance(value, str | bytes | list | tuple | Mapping) else None


def _fits(pattern: str, value: str) -> bool:
    r"""Match as Java does, in whose words the models write their patterns, `\p{…}` included."""
    text = re.sub(r"\\p\{(?:L|Alpha)\}", "a-zA-Z\u00c0-\uffff", pattern)
    text = re.sub(r"\\p\{N\}", "0-9", text)
    text = re.sub(r"\\p\{Z\}", " ", text)
    text = re.sub(r"\\p\{ASCII\}", r"\\x00-\\x7f", text)
    try:
        return re.fullmatch(text, value) is not None
    except re.error:
        return True  # a pattern in words that Python does not know


def read(service: str, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Call:
    """Return the call that a request over HTTP makes.

    Raises:
        Unreadable: it makes none, or holds what its model does not know.
    """
    model = service_model(service)
    protocol = model.metadata["protocol"]
    if protocol in ("ec2", "query"):
        rows = dict(parse_qsl(body.decode() or query, keep_blank_values=True))
        operation = _operation(model, rows.pop("Action", ""))
        rows.pop("Version", None)
        params = _Rows(rows, ec2=protocol == "ec2").read(operation.input_shape)
        if rows:
            raise Unreadable(f"{operation.name} takes no {', '.join(rows)}")
        return Call(service, operation.name, params)
    if protocol == "json":
        operation = _operation(model, headers.get("X-Amz-Target", "").rpartition(".")[2])
        return Call(service, operation.name, _typed(operation.input_shape, json.loads(body or b"{}")))
    if protocol == "rest-json":
        return _read_rest(model, method, path, query, headers, body)
    raise Unreadable(f"requests in {protocol} are not read")


def _operation(model: ServiceModel, name: str) -> OperationModel:
    if name not in model.operation_names:
        raise Unreadable(f"{model.service_name} has no operation {name!r}")
    return model.operation_model(name)


def _typed(shape: Shape | None, value: Any) -> Any:
    """Return a JSON value with bytes where its model has them."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        return {name: _typed(shape.members.get(name), member) for name, member in value.items()}
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {name: _typed(shape.value, member) for name, member in value.items()}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_typed(shape.member, member) for member in value]
    if shape is not None and shape.type_name == "blob" and isinstance(value, str):
        return base64.b64decode(value, validate=True)
    return value


class _Rows:
    """Reads the flat rows of a query, and takes out those that it understands.

    Args:
        rows: by name.
        ec2: whether they are written in EC2's way.
    """

    def __init__(self, rows: dict[str, str], *, ec2: bool) -> None:
        self._rows, self._ec2 = rows, ec2

    def read(self, shape: Shape | None) -> dict[str, Any]:
        return self._structure(shape, "") if isinstance(shape, StructureShape) else {}

    def _structure(self, shape: StructureShape, prefix: str) -> dict[str, Any]:
        found = {}
        for name, member in shape.members.items():
            key = f"{prefix}{self._name(member, name)}"
            if key in self._rows or any(row.startswith(f"{key}.") for row in self._rows):
                found[name] = self._value(member, key)
        return found

    def _name(self, member: Shape, name: str) -> str:
        if self._ec2:
            query_name = member.serialization.get("queryName")
            written = str(member.serialization.get("name", name))
            return str(query_name or written[0].upper() + written[1:])
        if isinstance(member, ListShape) and member.serialization.get("flattened"):
            return str(member.member.serialization.get("name", name))
        return str(member.serialization.get("name", name))

    def _value(self, shape: Shape, key: str) -> Any:
        if isinstance(shape, StructureShape):
            return self._structure(shape, f"{key}.")
        if isinstance(shape, ListShape):
            if not self._ec2 and self._rows.get(key) == "":  # how an empty list is written
                del self._rows[key]
                return []
            flat = self._ec2 or shape.serialization.get("flattened")
            inner = key if flat else f"{key}.{shape.member.serialization.get('name', 'member')}"
            numbers = {int(row[len(inner) + 1 :].split(".")[0]) for row in self._rows if row.startswith(f"{inner}.")}
            return [self._value(shape.member, f"{inner}.{number}") for number in sorted(numbers)]
        if key not in self._rows:
            raise Unreadable(f"{key} has no value")
        text = self._rows.pop(key)
        if shape.type_name == "boolean":
            if text not in ("true", "false"):
                raise Unreadable(f"{key}: {text!r} is neither true nor false")
            return text == "true"
        if shape.type_name in _NUMBERS:
            return int(text) if shape.type_name in ("integer", "long") else float(text)
        return base64.b64decode(text, validate=True) if shape.type_name == "blob" else text


def _read_rest(
    model: ServiceModel, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
) -> Call:
    for name in model.operation_names:
        operation = model.operation_model(name)
        uri = str(operation.http["requestUri"]).partition("?")[0]
        pattern = re.sub(
            r"\\\{(\w+)(\\\+)?\\\}", lambda part: f"(?P<{part[1]}>{'.+' if part[2] else '[^/]+'})", re.escape(uri)
        )
        found = re.fullmatch(pattern, path)
        if operation.http["method"] == method and found:
            break
    else:
        raise Unreadable(f"{model.service_name} has no operation at {method} {path}")
    params: dict[str, Any] = json.loads(body or b"{}")
    places = {name: unquote(value) for name, value in found.groupdict().items()}
    rows = parse_qsl(query, keep_blank_values=True)
    shape = operation.input_shape
    for member_name, member in shape.members.items() if isinstance(shape, StructureShape) else ():
        place, key = member.serialization.get("location"), member.serialization.get("name", member_name)
        if place == "uri":
            params[member_name] = places.pop(key)
        elif place == "header" and key in headers:
            params[member_name] = headers[key]
        elif place == "querystring":
            values = [value for name, value in rows if name == key]
            rows = [row for row in rows if row[0] != key]
            if values:
                several = isinstance(member, ListShape)
                params[member_name] = values if several else _number(member, values[0])
    if rows:
        raise Unreadable(f"{operation.name} takes no {', '.join(name for name, _ in rows)}")
    return Call(model.service_name, operation.name, _typed(shape, params))


def _number(shape: Shape, text: str) -> Any:
    return int(text) if shape.type_name in ("integer", "long") else text
