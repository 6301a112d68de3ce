"""Durations: numbers of seconds, or texts such as `1min`, `250ms` and `1h30min`."""

from __future__ import annotations

import re
from math import isfinite

_UNITS = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "min": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
    "w": 604_800_000_000_000,
}
_PART = re.compile(r"(\d+(?:\.\d+)?)?\s*([A-Za-z]+)\s*")
_MOST = 1 << 62


def nanoseconds(duration: float | str) -> int:
    """Return a duration in nanoseconds.

    Args:
        duration: seconds, or numbers with the units `ns`, `us`, `ms`, `s`, `min`, `h`, `d` and `w`; a unit alone is
            one of it.

    Raises:
        ValueError: it is none, or not above 0.
    """
    total = _of_text(duration) if isinstance(duration, str) else _of_seconds(duration)
    if not 0 < total < _MOST:
        raise ValueError(f"{duration!r} must be above 0 and below 146 years")
    return total


def _of_seconds(seconds: float) -> int:
    return round(seconds * 1_000_000_000) if isfinite(seconds) else 0


def _of_text(text: str) -> int:
    total, place = 0, 0
    stripped = text.strip()
    while match := _PART.match(stripped, place):
        unit = match[2].lower()
        if unit not in _UNITS:
            mend = "write min for minutes" if unit in ("m", "t") else f"units: {', '.join(_UNITS)}"
            raise ValueError(f"{text!r} has an unknown unit {match[2]!r}; {mend}")
        total += round(float(match[1] or 1) * _UNITS[unit])
        place = match.end()
    if place < len(stripped) or not stripped:
        raise ValueError(f"{text!r} is not a duration, such as 10, '30s', '1min' or '1h30min'")
    return total
