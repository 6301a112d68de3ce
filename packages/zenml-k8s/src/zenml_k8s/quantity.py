"""Amounts of resources as numbers."""

from __future__ import annotations

from decimal import Decimal

_PARTS = {"m": 3, "u": 6, "n": 9}
_POWERS = {"k": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}


def number(text: str) -> Decimal:
    """Return what an amount such as `500m`, `2` or `4Gi` is."""
    if text[-1] in _PARTS:
        return Decimal(text[:-1]).scaleb(-_PARTS[text[-1]])
    if text.endswith("i"):
        return Decimal(text[:-2]) * Decimal(1024) ** _POWERS[text[-2]]
    if text[-1] in _POWERS:
        return Decimal(text[:-1]) * Decimal(1000) ** _POWERS[text[-1]]
    return Decimal(text)
