"""Isolation: run a plugin's code so that neither what it raises nor what it prints reaches anybody else."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType


@contextlib.contextmanager
def quarantine() -> Iterator[list[int]]:
    """Keep standard output clean, and tell a plugin's `raise KeyboardInterrupt` from a real Ctrl-C.

    What is printed inside goes to standard error, so that a listing that is piped into another program stays
    readable.

    Yields:
        A list that is empty until the user interrupts: whoever catches a KeyboardInterrupt lets it through then.
    """
    interrupts: list[int] = []
    with _interrupts(interrupts), _output_to_stderr():
        yield interrupts


@contextlib.contextmanager
def isolated() -> Iterator[list[BaseException]]:
    """Catch in quarantine whatever is raised inside, `SystemExit` and `KeyboardInterrupt` too.

    Yields:
        A list that holds what was raised, once the context is left.
    """
    caught: list[BaseException] = []
    with quarantine() as interrupts:
        try:
            yield caught
        except BaseException as error:
            if interrupts:
                raise
            caught.append(error)


@contextlib.contextmanager
def _interrupts(seen: list[int]) -> Iterator[None]:
    """Note real interrupt signals, to tell them from a plugin's own `raise KeyboardInterrupt`."""
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return

    def note(number: int, _frame: FrameType | None) -> None:
        seen.append(number)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextlib.contextmanager
def _output_to_stderr() -> Iterator[None]:
    """Send what Python code, C code and child processes print to standard error."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.redirect_stdout(sys.stderr))
        with contextlib.suppress(OSError):
            saved = os.dup(1)
            stack.callback(os.close, saved)
            _flush()
            os.dup2(2, 1)
            stack.callback(os.dup2, saved, 1)
            stack.callback(_flush)
        yield


def _flush() -> None:
    if sys.__stdout__ is not None:
        with contextlib.suppress(OSError, ValueError):
            sys.__stdout__.flush()
