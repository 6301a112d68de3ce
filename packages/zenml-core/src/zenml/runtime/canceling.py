"""Canceling: a run that is asked to stop by SIGTERM."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class CanceledError(BaseException):
    """The run was asked to stop, by Ctrl-C or SIGTERM."""


@contextmanager
def stop_on_sigterm() -> Iterator[None]:
    """Turn SIGTERM into CanceledError while the context is open; only the main thread can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise CanceledError

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
