"""Lines: byte ranges of a file as blocks of whole lines, which belong to the range that they begin in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from zenml.data.source_files import SourceFile

TARGET = 1 << 24
"""Ranges are about so many bytes long, whatever the number of workers."""

_BLOCK = 1 << 20


def ranges(file: SourceFile, first: int, target: int) -> list[dict[str, Any]]:
    """Return the shards of a file; the first has this number."""
    starts = range(0, file.size, target)
    return [
        {"file": asdict(file), "start": start, "end": min(start + target, file.size), "number": first + place}
        for place, start in enumerate(starts)
    ]


def line_blocks(file: SourceFile, start: int, end: int) -> Iterator[bytes]:
    """Yield the lines that begin between two bytes of a file, about a megabyte of whole lines at a time."""
    with file.open() as source:
        position = start
        if start:
            source.seek(start - 1)
            position += len(source.readline()) - 1
        while position < end:
            data = source.read(min(_BLOCK, end - position))
            if not data:
                return
            if not data.endswith(b"\n"):
                data += source.readline()
            position += len(data)
            yield data
