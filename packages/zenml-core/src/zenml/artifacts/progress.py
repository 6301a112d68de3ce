"""Progress: who is shown how far the transfers of artifacts are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Protocol

LEAST = 16 * 1000**2
"""Transfers of fewer bytes are not shown."""


class Show(Protocol):
    """Opens a progress bar; a reporter's `progress` is one."""

    def __call__(self, label: str, total: float, /) -> AbstractContextManager[Callable[[float], None]]:
        """Show a bar of `total` megabytes while the context is open; it gives what moves the bar on."""


_shown: ContextVar[Show | None] = ContextVar("zenml_transfers_shown", default=None)


@contextmanager
def show_transfers(show: Show) -> Iterator[None]:
    """Show the transfers that begin in this context."""
    token = _shown.set(show)
    try:
        yield
    finally:
        _shown.reset(token)


@contextmanager
def transfer(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a transfer of `total` bytes; what it gives takes the bytes that were moved, from any thread."""
    show = _shown.get()
    if show is None or total < LEAST:
        yield lambda _: None
        return
    lock = threading.Lock()
    with show(f"{label} (MB)", round(total / 1000**2)) as advance:

        def moved(size: int) -> None:
            with lock:
                advance(size / 1000**2)

        yield moved
