"""Canceling: a run that is asked to stop by a signal."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType

PREEMPTED = getattr(signal, "SIGUSR1", signal.SIGTERM)
"""The signal by which a supervisor says that the machine is taken away; systems without it know SIGTERM only."""


class CanceledError(BaseException):
    """The run was asked to stop, by Ctrl-C or SIGTERM."""


class PreemptedError(CanceledError):
    """The machine is taken away: the run stops here, and goes on elsewhere."""


@contextmanager
def stop_on_sigterm() -> Iterator[None]:
    """Turn SIGTERM into CanceledError, and PREEMPTED into PreemptedError, while the context is open.

    Only the main thread can; in any other nothing is changed.
    """
    with ExitStack() as stack:
        if threading.current_thread() is threading.main_thread():
            stack.enter_context(_raising(PREEMPTED, PreemptedError))
            stack.enter_context(_raising(signal.SIGTERM, CanceledError))
        yield


@contextmanager
def _raising(number: signal.Signals, error: type[CanceledError]) -> Iterator[None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        raise error

    before = signal.signal(number, stop)
    try:
        yield
    finally:
        signal.signal(number, before)
