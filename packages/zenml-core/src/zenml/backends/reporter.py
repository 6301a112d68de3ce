"""Reporter: what a run tells the person who waits for it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol


class Advance(Protocol):
    """Moves a progress bar on by so many units of work."""

    def __call__(self, units: float = 1) -> None:
        """Move on."""


class Reporter(Protocol):
    """Takes messages and progress; the console is one."""

    def log(self, message: str) -> None:
        """Say something worth knowing."""

    def warn(self, message: str) -> None:
        """Say something that may need the user's attention."""

    def progress(self, label: str, total: float) -> AbstractContextManager[Advance]:
        """Show a progress bar of `total` units while the context is open."""
