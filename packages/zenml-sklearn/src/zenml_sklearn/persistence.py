"""Estimators on disk: the skops format, written canonically, read with a fixed list of trusted types."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zenml.data.shards import atomic_file
from zenml.errors import DataError
from zenml_sklearn.integrity import broken
from zenml_sklearn.trusted import TRUSTED_TYPES

_SCHEMA = "schema.json"
_DATE = (1980, 1, 1, 0, 0, 0)

_VALUES = {
    "JsonNode", "TupleNode", "TypeNode", "FunctionNode", "SliceNode", "BytesNode", "DTypeNode",
}  # fmt: skip
"""Nodes whose identity means nothing: whether two of them are one object differs from process to process."""


def save(estimator: Any, path: Path) -> None:
    """Write a fitted estimator; equal estimators give equal bytes, in any process.

    Raises:
        DataError: the estimator holds something that cannot be written without pickle.
    """
    import skops.io

    try:
        data = skops.io.dumps(estimator)
    except (TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{type(estimator).__name__} cannot be saved without pickle ({error})") from error
    strange = untrusted(data)
    if strange:
        raise DataError(
            f"{type(estimator).__name__} with these parameters cannot be saved: it holds types that are not trusted "
            f"when a model is loaded ({', '.join(strange)})"
        )
    with atomic_file(path) as file:
        file.write(canonical(data))


def load(path: Path) -> Any:
    """Read an estimator that `save` wrote; only types of `TRUSTED_TYPES` are made.

    Raises:
        DataError: the file is missing, damaged, or names a type that is not trusted.
    """
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        estimator = skops.io.load(path, trusted=list(TRUSTED_TYPES))
        wrong = broken(estimator)
    except FileNotFoundError:
        raise DataError("the model file is missing", str(path)) from None
    except UntrustedTypesFoundException as error:
        raise DataError(
            f"the model file holds types that are not trusted: {', '.join(untrusted(path.read_bytes()))}",
            str(path),
            "Nothing of it was loaded; only files made by SklearnTrainer can be",
        ) from error
    except (
        zipfile.BadZipFile,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        ImportError,
        IndexError,
        RecursionError,
    ) as error:
        raise DataError(f"the model file is damaged ({type(error).__name__}: {error})", str(path)) from error
    if wrong:
        raise DataError(f"the model file is damaged: {wrong}", str(path))
    return estimator


def untrusted(data: bytes) -> list[str]:
    """Return the types in a skops archive that are not trusted; nothing of it is made."""
    import skops.io

    return sorted(set(skops.io.get_untrusted_types(data=data)) - set(TRUSTED_TYPES))


def canonical(data: bytes) -> bytes:
    """Rewrite a skops archive so that it depends on what it holds alone.

    skops names objects by their address in memory, leaves sets in the order of their hashes and stamps the time and
    its own version. Here objects are numbered as they come, files are named by their content, sets are sorted, and the
    archive has sorted names, one date and no compression (whose output depends on the zlib at hand).
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        schema = json.loads(archive.read(_SCHEMA))
        files = {name: archive.read(name) for name in archive.namelist() if name != _SCHEMA}
    schema.pop("_skops_version", None)
    names = {name: hashlib.sha256(content).hexdigest()[:32] + Path(name).suffix for name, content in files.items()}
    for node in _nodes(schema):
        if "file" in node:
            node["file"] = names[node["file"]]
    for node in _nodes(schema):
        if node.get("__loader__") == "SetNode":
            node["content"].sort(key=_without_ids)
    _number(schema)
    content = {names[name]: data for name, data in files.items()}
    content[_SCHEMA] = json.dumps(schema, separators=(",", ":")).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(content):
            row = zipfile.ZipInfo(name, _DATE)
            row.create_system = 3
            row.external_attr = 0o644 << 16
            archive.writestr(row, content[name])
    return buffer.getvalue()


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield every node of a skops schema in the order in which it is written."""
    stack = [tree]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            if "__loader__" in item:
                yield item
            stack.extend(reversed(item.values()))
        elif isinstance(item, list):
            stack.extend(reversed(item))


def _number(schema: dict[str, Any]) -> None:
    """Number the objects that occur more than once from 1 on; the others need no id."""
    counts: Counter[int] = Counter(node["__id__"] for node in _nodes(schema) if "__id__" in node)
    numbers: dict[int, int] = {}
    for node in _nodes(schema):
        identity = node.pop("__id__", None)
        if identity is not None and counts[identity] > 1 and node["__loader__"] not in _VALUES:
            node["__id__"] = numbers.setdefault(identity, len(numbers) + 1)


def _without_ids(node: Any) -> str:
    def strip(item: Any) -> Any:
        if isinstance(item, dict):
            return {key: strip(value) for key, value in item.items() if key != "__id__"}
        return [strip(value) for value in item] if isinstance(item, list) else item

    return json.dumps(strip(node), sort_keys=True)
