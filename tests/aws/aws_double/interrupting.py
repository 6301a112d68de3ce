"""Interrupting: this process is sent a signal in the middle of what it does."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def interrupting(begun: Callable[[], object], number: signal.Signals) -> Iterator[None]:
    """Send this process a signal once something has begun; none any more when the context has been left.

    A signal that comes amid a request leaves its socket to the garbage collector, which warns: it is told to be silent,
    and to collect it before the next test.
    """
    over = threading.Event()

    def send() -> None:
        while not begun():
            if over.is_set():
                return
            time.sleep(0.02)
        os.kill(os.getpid(), number)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        thread = threading.Thread(target=send)
        thread.start()
        try:
            yield
        except BaseException as error:
            _let_go(error)
            raise
        finally:
            over.set()
            thread.join()


def _let_go(error: BaseException) -> None:
    """Collect what the frames hold that an exception has left."""
    step: BaseException | None = error
    while step is not None:
        traceback.clear_frames(step.__traceback__)
        step = step.__context__
    gc.collect()
