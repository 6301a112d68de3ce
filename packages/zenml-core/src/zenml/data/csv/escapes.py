"""Escapes: which bytes of a text an escape character takes the meaning from."""

from __future__ import annotations

import numpy as np

NEUTRAL = 0xFF
"""Stands for an escaped byte: not ASCII, so no delimiter, no quote and no line break."""

_RUN = 1 << 12


def hide_escaped(data: bytes, escape: str, *, first: bool = False) -> bytes:
    """Return a text in which each escaped byte has lost its meaning, at the same places.

    Args:
        data: the text.
        escape: the escape character, or empty where there is none.
        first: whether the first byte is escaped, by what stands before it.
    """
    if not escape or not (first or escape.encode() in data):
        return data
    array = np.frombuffer(data, np.uint8).copy()
    places = np.flatnonzero(array == ord(escape))
    if first and len(array):
        places = places[places > 0]
        array[0] = NEUTRAL
    if len(places):
        # In a run of them, every other one escapes the next byte.
        starts = np.flatnonzero(np.diff(places, prepend=-2) > 1)
        runs = np.repeat(starts, np.diff(starts, append=len(places)))
        active = places[(np.arange(len(places)) - runs) % 2 == 0] + 1
        array[active[active < len(array)]] = NEUTRAL
    return array.tobytes()


def ends_escaping(data: bytes, escape: str) -> bool | None:
    """Say whether the byte after a text is escaped; None where a run of escape characters is too long to say.

    Args:
        data: the text, or its last 4,096 bytes.
        escape: the escape character, or empty where there is none.
    """
    if not escape:
        return False
    run = len(data) - len(data.rstrip(escape.encode()))
    return None if run >= _RUN else bool(run % 2)


LOOK_BACK = _RUN
"""How many bytes before a place `ends_escaping` needs."""
