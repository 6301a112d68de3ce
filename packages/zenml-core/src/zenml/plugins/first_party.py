"""Names that ZenML's own distributions offer, for messages about those not installed. Written by tools/facades.py."""

from __future__ import annotations

FIRST_PARTY: dict[str, tuple[str, str]] = {}
"""Distribution and kind by name."""
