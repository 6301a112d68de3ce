"""Reading the text of an `entry_points.txt` with `importlib.metadata`."""

from __future__ import annotations

from importlib.metadata import Distribution
from os import PathLike
from typing import Any


class _Declared(Distribution):
    """A distribution of which only the declared entry points are known: no path is made and no file read for them."""

    def __init__(self, text: str) -> None:
        self._text = text

    def read_text(self, filename: str) -> str | None:
        return self._text if filename == "entry_points.txt" else None

    def locate_file(self, path: str | PathLike[str]) -> Any:
        return path


def entry_points(text: str, group: str) -> list[tuple[str, str]] | None:
    """Return name and value of the entry points of a group, or None when the text cannot be read."""
    try:
        return [(point.name, point.value) for point in _Declared(text).entry_points.select(group=group)]
    except Exception:  # noqa: BLE001 - what a malformed text makes the parser raise depends on the version of Python
        return None
