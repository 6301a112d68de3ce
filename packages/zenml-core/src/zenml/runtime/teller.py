"""Teller: how a step in a process of its own tells messages, progress and epochs to the process that waits for it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any, BinaryIO

from zenml.backends.reporter import Advance
from zenml.steps.trainer.history import Epoch


class Teller:
    """A Reporter that writes JSON lines, each a kind and a value, which `Told` passes on.

    Args:
        pipe: takes the lines.
    """

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()
        self._bars = count()

    def write(self, kind: str, value: Any) -> None:
        """Tell one thing (JSON types)."""
        with self._lock:
            self._pipe.write(json.dumps([kind, value]).encode() + b"\n")
            self._pipe.flush()

    def made(self, value: Any) -> None:
        """Tell the properties of what a step made, and its metrics."""
        self.write("made", value)

    def epochs(self, rows: Sequence[Epoch]) -> None:
        """Tell the newest of the epochs of a training."""
        self.write("epoch", rows[-1])

    def log(self, message: str) -> None:
        """Say something worth knowing."""
        self.write("log", message)

    def warn(self, message: str) -> None:
        """Say something that may need the user's attention."""
        self.write("warn", message)

    @contextmanager
    def progress(self, label: str, total: float) -> Iterator[Advance]:
        """Show a progress bar of `total` units while the context is open."""
        bar = next(self._bars)
        self.write("progress", {"bar": bar, "label": label, "total": total})

        def advance(units: float = 1) -> None:
            self.write("advance", {"bar": bar, "units": units})

        yield advance


class Silent:
    """A Reporter of a process that is not the one to speak."""

    def log(self, message: str) -> None:
        """Say nothing."""

    def warn(self, message: str) -> None:
        """Say nothing."""

    @contextmanager
    def progress(self, label: str, total: float) -> Iterator[Advance]:
        """Show nothing."""
        yield lambda units=1: None  # noqa: ARG005 - an Advance takes them
