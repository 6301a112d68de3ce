"""Refresh: when a database on a server is read again, which cannot tell whether it changed."""

from __future__ import annotations

import hashlib
import json
import math
import re
import uuid
from collections.abc import Mapping
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


@dataclass(frozen=True)
class Read:
    """A reading of a server's database that is planned.

    Args:
        source: what is read, and how.
        identity: its source identity.
    """

    source: str
    identity: str


def plan_read(parts: Mapping[str, Any], refresh: str, memo: IdentityMemo) -> Read:
    """Return the reading that a run needs: the last one while it is young enough, else a new one.

    Args:
        parts: what is read, and how (JSON types).
        refresh: see `refresh_seconds`.
        memo: knows when it was last read.
    """
    source = _digest(dict(parts))
    if refresh == "never":
        return Read(source, source)
    last = memo.reading(source, refresh_seconds(refresh)) if refresh != "always" else ""
    return Read(source, last or _digest({**parts, "reading": uuid.uuid4().hex}))


def _digest(parts: Mapping[str, Any]) -> str:
    return f"sha256:{hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()}"
