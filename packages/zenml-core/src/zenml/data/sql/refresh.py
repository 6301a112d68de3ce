"""Refresh: when a database on a server is read again, which cannot tell whether it changed."""

from __future__ import annotations

import hashlib
import json
import math
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from zenml.data.identity import IdentityMemo

_AGE = re.compile(r"([1-9][0-9]{0,5})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def refresh_seconds(refresh: str) -> float:
    """Return how old the last reading may be.

    Args:
        refresh: `always`, `never`, or an age in seconds, minutes, hours, days or weeks, as `30m` or `7d`.

    Raises:
        ValueError: it is none of these.
    """
    if refresh in ("always", "never"):
        return 0 if refresh == "always" else math.inf
    found = _AGE.fullmatch(refresh)
    if found is None:
        raise ValueError("refresh is 'always', 'never' or an age such as '30m', '1h' or '7d'")
    return int(found[1]) * _SECONDS[found[2]]


def checked_refresh(refresh: object) -> object:
    """Return a value of a `refresh` field unchanged.

    Raises:
        ValueError: it is none.
    """
    refresh_seconds(str(refresh))
    return refresh


@dataclass(frozen=True)
class Read:
    """A reading of a server's database that is planned.

    Args:
        source: what is read, and how.
        identity: its source identity.
    """

    source: str
    identity: str


def plan_read(
    parts: Mapping[str, Any], refresh: str, memo: IdentityMemo, version: Callable[[], str] | None = None
) -> Read:
    """Return the reading that a run needs: the last one while it is young enough, else a new one.

    Args:
        parts: what is read, and how (JSON types).
        refresh: see `refresh_seconds`.
        memo: knows when it was last read.
        version: gives what changes when the source does, or an empty text; not called where the last reading will do.
    """
    source = _digest(dict(parts))
    if refresh == "never":
        return Read(source, source)
    last = memo.reading(source, refresh_seconds(refresh)) if refresh != "always" else ""
    if last:
        return Read(source, last)
    return Read(source, _digest({**parts, "reading": (version and version()) or uuid.uuid4().hex}))


def _digest(parts: Mapping[str, Any]) -> str:
    return f"sha256:{hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()}"
