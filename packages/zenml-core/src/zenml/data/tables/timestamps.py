"""Timestamps: texts in ISO 8601 as microseconds in UTC."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

_ZONE = r"[0-9]([Zz]|[+-][0-9]{2}(:?[0-9]{2})?)$"
_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}"


def parse_timestamps(texts: pa.StringArray) -> pa.Array:
    """Return dates and times as microseconds in UTC; what names no zone is taken as UTC.

    Args:
        texts: `2024-02-29`, `2024-02-29 13:05`, `2024-02-29T13:05:30.123456`, the times also with `Z` or `+01:00`.

    Raises:
        pa.ArrowInvalid: a text is none of these, or a date or time that does not exist.
    """
    naive, aware = pa.timestamp("us"), pa.timestamp("us", "UTC")
    zoned = pc.and_(pc.match_substring_regex(texts, _TIME), pc.match_substring_regex(texts, _ZONE))
    if not pc.any(zoned).as_py():
        return texts.cast(naive)
    nothing = pa.scalar(None, pa.string())
    with_zone = pc.if_else(zoned, texts, nothing).cast(aware).cast(naive)
    return pc.coalesce(with_zone, pc.if_else(zoned, nothing, texts).cast(naive))
