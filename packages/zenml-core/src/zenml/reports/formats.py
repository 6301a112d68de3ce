"""How figures are written on a page: numbers, shares, moments and spans of time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SPANS = (("days", 86_400_000_000), ("h", 3_600_000_000), ("min", 60_000_000), ("s", 1_000_000))


def number_text(value: float) -> str:
    """Return a number with four digits, or all digits before the point where there are more."""
    whole = float(value).is_integer() or abs(value) >= 1000
    if not whole or abs(value) >= 1e15:
        return f"{value:.4g}"
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.0f}"


def share_text(share: float) -> str:
    """Return a share in percent; what rounds to 0 or 100 and is neither says so."""
    if 0 < share < 0.005:
        return "<1%"
    return ">99%" if 0.995 <= share < 1 else f"{share:.0%}"


def moment_text(microseconds: float) -> str:
    """Return a moment, given in microseconds since 1970 in UTC, to the minute."""
    try:
        return f"{_EPOCH + timedelta(microseconds=microseconds):%Y-%m-%d %H:%M}"
    except OverflowError:
        return number_text(microseconds)  # a year beyond 9999 or before 1


def span_text(microseconds: float) -> str:
    """Return a span of time, given in microseconds, in the largest unit that it fills."""
    for unit, size in _SPANS:
        if microseconds >= size:
            return f"{number_text(microseconds / size)} {unit}"
    return f"{number_text(microseconds)} µs"
