"""The OpenAPI schemas of Kubernetes, strictly: unknown fields, wrong types, missing values."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import jsonschema
import kubernetes_validate
from kubernetes_validate import utils
from referencing import Registry, Resource

from kube_double.refusal import Refusal

OLDEST = (1, 30)


@functools.cache
def versions() -> tuple[str, ...]:
    """Return the versions of Kubernetes from 1.30 to the newest that there are schemas of, as `1.30`."""
    found = {tuple(int(part) for part in name.split(".")[:2]) for name in utils.all_versions()}
    return tuple(f"{major}.{minor}" for major, minor in sorted(found) if (major, minor) >= OLDEST)


def check_strictly(body: dict[str, Any]) -> None:
    """Validate an object against every one of those versions."""
    for version in versions():
        kubernetes_validate.validate(body, version, strict=True)


@functools.cache
def _validator(kind: str, api_version: str, version: str) -> jsonschema.Draft202012Validator:
    group = api_version.replace("/", "-").replace(".k8s.io", "").split(".")[0]
    folder = f"kubernetes-json-schema/v{version}.0-local-strict"
    schema = utils.schema_contents(f"{folder}/{kind.lower()}-{group}.json", version)
    return jsonschema.Draft202012Validator(schema, registry=_definitions(version))


@functools.cache
def _definitions(version: str) -> Registry[Any]:
    text = utils.schema_contents(f"kubernetes-json-schema/v{version}.0-local-strict/_definitions.json", version)
    return Resource.from_contents(text) @ Registry()


def decode(body: dict[str, Any], version: str, strictness: str) -> list[str]:
    """Read an object as the server does: refuse, or drop, the fields that it does not know; return warnings.

    Args:
        body: the object; unknown fields are taken out of it.
        version: of Kubernetes.
        strictness: `Strict`, `Warn` or `Ignore`.
    """
    kind, api_version = body.get("kind", ""), body.get("apiVersion", "")
    errors = list(_validator(kind, api_version, version).iter_errors(body))
    unknown = [path for error in errors if error.validator == "additionalProperties" for path in _unknown(error)]
    if unknown and strictness == "Strict":
        said = ", ".join(f'unknown field "{path}"' for path in unknown)
        what = f'{kind} in version "{api_version.split("/")[-1]}" cannot be handled as a {kind}: strict decoding error'
        raise Refusal(400, f"{what}: {said}")
    for error in errors:
        if error.validator == "additionalProperties":
            place: Any = body
            for part in error.absolute_path:
                place = place[part]
            for name in set(place) - set(error.schema["properties"]):
                del place[name]
    types = [error for error in errors if error.validator == "type"]
    if types:
        path = ".".join(str(part) for part in types[0].absolute_path)
        what = f'{kind} in version "{api_version.split("/")[-1]}" cannot be handled as a {kind}'
        raise Refusal(400, f"{what}: json: cannot unmarshal {_json_type(types[0].instance)} into field {path}")
    rest = [error for error in errors if error.validator not in ("additionalProperties", "type")]
    if rest:
        causes = [f"{'.'.join(str(part) for part in error.absolute_path)}: {error.message}" for error in rest]
        raise Refusal(422, f'{kind} "{body["metadata"].get("name", "")}" is invalid: {", ".join(causes)}')
    return [f'unknown field "{path}"' for path in unknown] if strictness == "Warn" else []


def _unknown(error: jsonschema.ValidationError) -> Iterator[str]:
    path = ""
    for part in error.absolute_path:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    for name in sorted(set(error.instance) - set(error.schema["properties"])):
        yield f"{path}.{name}".lstrip(".")


def _json_type(value: object) -> str:
    names = {str: "string", bool: "bool", int: "number", float: "number", list: "array", dict: "object"}
    return names.get(type(value), "null")
