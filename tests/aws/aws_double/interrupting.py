"""Interrupting: this process is sent a signal in the middle of what it does."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def interrupting(begun: Callable[[], object], number: signal.Signals) -> Iterator[None]:
    """Send this process a signal once something has begun; none any more when the context has been left."""
    over = threading.Event()

    def send() -> None:
        while not begun():
            if over.is_set():
                return
            time.sleep(0.02)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
