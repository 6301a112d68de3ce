"""Discovery: the methods and schemas of an API, as the documents in google-api-python-client describe them."""

from __future__ import annotations

import functools
import importlib.resources
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from google_double.validation import Schemas

_PARAMETER = re.compile(r"\{\+?(\w+)\}")


@dataclass(frozen=True)
class Method:
    """One method of an API.

    Args:
        id: such as `compute.instances.insert`.
        verb: of HTTP.
        description: as in the document.
        common: parameters that every method of the API takes.
        flat: what its path looks like, with one group for each part that varies.
        path: the same path, with one group for each parameter.
    """

    id: str
    verb: str
    description: Mapping[str, Any]
    common: Mapping[str, Any]
    flat: re.Pattern[str]
    path: re.Pattern[str]

    @property
    def request(self) -> str | None:
        """Name of the schema of the body; None where it takes none."""
        name: str | None = self.description.get("request", {}).get("$ref")
        return name

    @property
    def response(self) -> str | None:
        """Name of the schema of the answer; None where it has none."""
        name: str | None = self.description.get("response", {}).get("$ref")
        return name

    def parameters(self, path: str) -> dict[str, str]:
        """Return the parameters in a path."""
        found = self.path.fullmatch(path)
        return {name: unquote(value) for name, value in found.groupdict().items()} if found else {}

    def problems(self, parameters: Mapping[str, str], query: Mapping[str, list[str]]) -> Iterator[str]:
        """Say what is wrong with parameters of the path and of the query."""
        known = self.description.get("parameters", {})
        numbers = any("enum-encoding=int" in value for value in query.get("$alt", ()))
        for name, value in parameters.items():
            yield from _bad_value(name, value, known.get(name, {}))
        for name, values in query.items():
            schema = known.get(name) or self.common.get(name)
            if name == "$alt" and all(value.startswith("json") for value in values):
                continue  # every service of Google's takes it, and no document tells
            if schema is None or schema.get("location") != "query":
                yield f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter.'
                continue
            if len(values) > 1 and not schema.get("repeated"):
                yield f'Proto field is not repeating, cannot start list: "{name}"'
            for value in values:
                if not (numbers and schema.get("enum") and value.isdigit() and int(value) < len(schema["enum"])):
                    yield from _bad_value(name, value, schema)
        for name, schema in known.items():
            if schema.get("required") and name not in parameters and name not in query:
                yield f"Required parameter: {name}"


class Document:
    """One API.

    Args:
        name: of its document, such as `compute.v1`.
    """

    def __init__(self, name: str) -> None:
        text = _read(name)
        self.name = name
        self.base: str = text["servicePath"]
        self.schemas = Schemas(text["schemas"])
        common = text.get("parameters", {})
        self.methods = {method.id: method for method in _methods(text, self.base, common)}

    def find(self, verb: str, path: str) -> Method | None:
        """Return the method that a verb and a path name."""
        fitting = (each for each in self.methods.values() if each.verb == verb and each.flat.fullmatch(path))
        return next(fitting, None)

    def knows(self, path: str) -> bool:
        """Tell whether a path names anything in this API, by whatever verb."""
        return any(method.flat.fullmatch(path) for method in self.methods.values())


@functools.cache
def document(name: str) -> Document:
    """Return an API; the documents are large, so each is read once."""
    return Document(name)


def _read(name: str) -> Any:
    folder = importlib.resources.files("googleapiclient") / "discovery_cache" / "documents"
    return json.loads((folder / f"{name}.json").read_text("utf-8"))


def _methods(node: Mapping[str, Any], base: str, common: Mapping[str, Any]) -> Iterator[Method]:
    for text in node.get("methods", {}).values():
        flat = _pattern(base + text.get("flatPath", text["path"]), text, flat=True)
        yield Method(text["id"], text["httpMethod"], text, common, flat, _pattern(base + text["path"], text))
    for child in node.get("resources", {}).values():
        yield from _methods(child, base, common)


def _pattern(template: str, method: Mapping[str, Any], *, flat: bool = False) -> re.Pattern[str]:
    """Return the pattern of a path; a parameter of a path that is not flat may hold slashes."""
    parts = []
    end = 0
    for found in _PARAMETER.finditer(template):
        parts.append(re.escape(template[end : found.start()]))
        wide = template[found.start() + 1] == "+" and not flat
        parts.append(f"(?P<{found[1]}>{'.+?' if wide else '[^/:]+|[^/]+?'})")
        end = found.end()
    return re.compile("/" + "".join(parts) + re.escape(template[end:]))


def _bad_value(name: str, value: str, schema: Mapping[str, Any]) -> Iterator[str]:
    pattern, kind = schema.get("pattern"), schema.get("type")
    if pattern and not re.fullmatch(pattern, value):
        yield f"Invalid value '{value}'. Values must match the following regular expression: '{pattern}'"
    elif schema.get("enum") and value not in schema["enum"]:
        yield f"Invalid value at '{name}': \"{value}\""
    elif kind == "integer" and not re.fullmatch(r"-?\d+", value):
        yield f"Invalid value at '{name}' (TYPE_{schema.get('format', 'INT32').upper()}), \"{value}\""
    elif kind == "boolean" and value not in ("true", "false"):
        yield f"Invalid value at '{name}' (TYPE_BOOL), \"{value}\""
