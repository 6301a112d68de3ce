"""Blocks: rows of a cursor, so many at a time that they have bounded size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

ROWS = 1 << 14
BYTES = 1 << 24
"""A block ends once it has so many rows, or so many bytes."""

_FEW = 16

Row = Sequence[Any]


def blocks(fetch: Callable[[int], Sequence[Row]], wide: Sequence[int]) -> Iterator[Sequence[Row]]:
    """Yield the rows of a cursor.

    Args:
        fetch: gives at most so many of the next rows, and none at the end.
        wide: places of the columns whose texts or bytes may be large.
    """
    if not wide:
        while rows := fetch(ROWS):
            yield rows
        return
    held: list[Row] = []
    size = 0
    while few := fetch(_FEW):
        held += few
        size += sum(len(row[place] or b"") for row in few for place in wide)
        if len(held) >= ROWS or size >= BYTES:
            yield held
            held, size = [], 0
    if held:
        yield held
