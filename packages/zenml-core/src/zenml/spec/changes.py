"""Changes: what differs between the parts of two fingerprints, in words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

_LONG = 48
_MISSING = object()

_OPAQUE = {
    "source": "the source data changed",
    "inputs": "the data of input {rest} changed",
    "code": "the code of {rest} changed",
    "classes": "the code of {rest} changed",
}
"""What to say of parts whose values are digests, which tell nobody anything."""


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each part that differs between two fingerprints, by part.

    Args:
        before: the parts of the one that was recorded.
        now: the parts of the one that would be recorded.
    """
    old, new = dict(_flat(before)), dict(_flat(now))
    found = []
    for path in sorted(old.keys() | new.keys()):
        one, other = old.get(path, _MISSING), new.get(path, _MISSING)
        if one != other:
            found.append(_told(path, one, other))
    return list(dict.fromkeys(found))


def _told(path: tuple[str, ...], one: Any, other: Any) -> str:
    part, *rest = path
    if part in _OPAQUE and not (part == "code" and not rest):
        return _OPAQUE[part].format(rest=rest[-1] if rest else "")
    name = " ".join([part, ".".join(rest)]).strip()
    return f"{name}: {_shown(one)} → {_shown(other)}"


def _shown(value: Any) -> str:
    if value is _MISSING:
        return "its default"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"


def _flat(value: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, inner in value.items():
        if isinstance(inner, Mapping) and inner:
            yield from _flat(inner, (*path, name))
        elif inner != {}:
            yield (*path, name), inner
