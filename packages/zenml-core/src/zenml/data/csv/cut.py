"""Cutting CSV files into ranges at row borders, which quote parity tells from line breaks inside quoted cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zenml.data.shards import ShardOp, State
from zenml.data.source_files import SourceFile
from zenml.errors import Problem

TARGET = 1 << 24
"""Ranges are about so many bytes long, whatever the number of workers."""

_WINDOW = 1 << 20
_QUOTE, _NEWLINE, _RETURN = b'"\n\r'


@dataclass(frozen=True)
class Range:
    """A part of a file that starts and ends at row borders.

    Args:
        start: first byte.
        end: the byte after the last.
        quoted: whether it holds a quote, so that a line break may be part of a cell.
    """

    start: int
    end: int
    quoted: bool


def chunks(file: SourceFile, start: int, target: int = TARGET) -> list[dict[str, Any]]:
    """Return the shards of the scan of one file: chunks that end at multiples of `target`."""
    ends = [*range((start // target + 1) * target, file.size, target), file.size]
    return [
        {"file": asdict(file), "start": low, "end": high, "first": low == start}
        for low, high in zip([start, *ends], ends, strict=False)
        if low < high
    ]


class ScanCSV(ShardOp):
    """Find the row borders of one chunk, for a start inside and outside of a quoted cell.

    Params: `delimiter`. The state has `quotes`, the number of quotes, and for either start (outside, inside) `border`,
    where the first row after the first line break starts (or None), and `stray`, whether a quote stands where
    RFC 4180 allows none.
    """

    def work(self, shard: Mapping[str, Any]) -> State:
        """Scan one chunk."""
        file = SourceFile(**shard["file"])
        start, end = shard["start"], shard["end"]
        # One byte more on either side shows the neighbours of quotes at the chunk's edges; line breaks stand for them
        # at the edges of the data.
        before = b"\n" if shard["first"] else file.read(start - 1, start)
        data = np.frombuffer(before + file.read(start, end + 1) + b"\n", np.uint8)
        neighbours = np.zeros(256, bool)
        neighbours[[ord(self.params["delimiter"]), _QUOTE, _NEWLINE, _RETURN]] = True
        quotes = 0
        border: list[int | None] = [None, None]
        stray = [False, False]
        for low in range(1, 1 + end - start, _WINDOW):
            window = data[low : min(low + _WINDOW, 1 + end - start)]
            places = np.flatnonzero(window == _QUOTE)
            opens = [places[quotes % 2 :: 2], places[1 - quotes % 2 :: 2]]
            lonely_start = [bool((~neighbours[data[low - 1 + some]]).any()) for some in opens]
            lonely_end = [bool((~neighbours[data[low + 1 + some]]).any()) for some in opens]
            for inside in (0, 1):
                stray[inside] |= lonely_start[inside] or lonely_end[1 - inside]
            if None in border:
                first = _first_breaks(window, places, quotes)
                border = [
                    start + low + place if known is None and place is not None else known
                    for known, place in zip(border, first, strict=True)
                ]
            quotes += len(places)
        return {"quotes": quotes, "border": border, "stray": stray}


def _first_breaks(window: npt.NDArray[np.uint8], places: npt.NDArray[np.intp], quotes: int) -> list[int | None]:
    """Return the first line break after an even number of quotes, and after an odd number, counted from the chunk."""
    breaks = np.flatnonzero(window == _NEWLINE)
    parity = (np.searchsorted(places, breaks) + quotes) % 2
    found = [np.flatnonzero(parity == inside) for inside in (0, 1)]
    return [int(breaks[some[0]]) if len(some) else None for some in found]


def ranges(file: SourceFile, start: int, scans: Sequence[State]) -> list[Range] | Problem:
    """Return the ranges of one file, from the states of its chunks in order.

    A file with stray quotes, where parity proves nothing, is one range.
    """
    if start >= file.size:
        return []
    borders, inside = [start], 0
    quoted: list[bool] = []
    stray = False
    for number, scan in enumerate(scans):
        border = scan["border"][inside]
        if number and border is not None and border < file.size:
            borders.append(border)
            quoted.append(False)
        elif not number:
            quoted.append(False)
        # A range ends inside the chunk after its own, so that chunk's quotes count for both.
        quoted[-1] |= scan["quotes"] > 0
        if number and len(quoted) > 1:
            quoted[-2] |= scan["quotes"] > 0
        stray |= scan["stray"][inside]
        inside = (inside + scan["quotes"]) % 2
    if stray:
        return [Range(start, file.size, quoted=True)]
    if inside:
        line = _last_quote_line(file)
        return Problem(
            "a quoted cell is opened and never closed", f"{file.url}, line {line}", "Close or double the quote"
        )
    return [Range(low, high, flag) for low, high, flag in zip(borders, [*borders[1:], file.size], quoted, strict=True)]


def _last_quote_line(file: SourceFile) -> int:
    lines = line = 1
    for piece in file.pieces():
        place = piece.rfind(b'"')
        if place >= 0:
            line = lines + piece.count(b"\n", 0, place)
        lines += piece.count(b"\n")
    return line
