"""Where jobs name files: fields of shards and params become references, and on a worker paths of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

READ, WRITE = "zenml.read", "zenml.write"
"""The only key of the object that stands for a path in a staged job; its value is a number."""

Swap = Callable[[str], Any]
"""Returns what to put in the place of a path; the path itself where it is to stay."""


def swap_paths(row: Mapping[str, Any], fields: Sequence[str], swap: Swap) -> dict[str, Any]:
    """Return a shard, or params, with what stands for the paths in the named fields.

    Args:
        row: the shard or the params.
        fields: names as in `ShardOp.READS`.
        swap: gives what to put in the place of a path.
    """
    found = dict(row)
    for field in fields:
        found = _at(found, field, swap)
    return found


def restore_paths(value: Any, paths: Callable[[str, int], str]) -> Any:
    """Return JSON with a path in the place of each reference; `paths` is told its kind and number."""
    if isinstance(value, Mapping):
        if len(value) == 1:
            ((key, number),) = value.items()
            if key in (READ, WRITE):
                return paths(key, number)
        return {key: restore_paths(part, paths) for key, part in value.items()}
    if isinstance(value, list):
        return [restore_paths(part, paths) for part in value]
    return value


def _at(row: dict[str, Any], field: str, swap: Swap) -> dict[str, Any]:
    head, _, rest = field.partition(".")
    value = row.get(head)
    if value is None:
        return row
    if rest:
        return {**row, head: _at(dict(value), rest, swap)} if isinstance(value, Mapping) else row
    return {**row, head: _swapped(value, swap)}


def _swapped(value: Any, swap: Swap) -> Any:
    if isinstance(value, str):
        return swap(value) if value else value
    if isinstance(value, list | tuple):
        return [_swapped(part, swap) for part in value]
    if isinstance(value, Mapping):
        if "url" in value:
            found = swap(value["url"])
            label = {"label": value.get("label") or value["url"]} if found != value["url"] else {}
            return {**value, "url": found, **label}
        return {**value, "file": _swapped(value["file"], swap)} if "file" in value else value
    return value
