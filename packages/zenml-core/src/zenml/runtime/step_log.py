"""StepLog: what a step prints, kept in the artifact store while it runs, under `runs/<run>/logs/<step>/<attempt>/`."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from zenml.artifacts.store import ArtifactStore
from zenml.errors import StoreError

FLUSH_SECONDS = 2.0
"""What was printed is in the store after so many seconds at most."""

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_MOVING = re.compile(r"[\x1b\r]")
"""Marks of a progress bar, which no log wants."""


def log_folder(run: str, step: str = "") -> str:
    """Return the key of the folder with the logs of a run, or of one of its steps."""
    return f"runs/{run}/logs/{step}".rstrip("/")


def output_folder(run: str, life: int = 0) -> str:
    """Return the key of the folder with what a remote run's job printed, or of one time that it was started."""
    return f"runs/{run}/output/{f'{life:03d}' if life else ''}".rstrip("/")


class StepLog:
    """Collects text, and writes what is new as the next numbered file of a folder every two seconds, and at the end.

    Files are never changed: whoever follows a log, from wherever, reads those that are new. A store that cannot be
    written does not stop the step.

    Args:
        store: where the files go.
        folder: the key of their folder.
        clean: what to do to text before anybody sees it.
    """

    def __init__(self, store: ArtifactStore, folder: str, clean: Callable[[str], str]) -> None:
        self._store = store
        self._folder = folder
        self.clean = clean
        self._waiting: list[str] = []
        self._written = 0
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()

    def write(self, text: str) -> None:
        """Add text."""
        text = _COLOUR.sub("", text)
        if not text or _MOVING.search(text):
            return
        with self._lock:
            self._waiting.append(text)
            if self._timer is None:
                self._timer = threading.Timer(FLUSH_SECONDS, self.flush)
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        """Write what is new."""
        with self._lock:
            if self._timer:
                self._timer.cancel()
                self._timer = None
            text, self._waiting = "".join(self._waiting), []
            if not text:
                return
            self._written += 1
            try:
                self._store.write_bytes(f"{self._folder}/{self._written:06d}.txt", self.clean(text).encode())
            except StoreError:
                return  # what the step makes counts more than what it says


class _Tee:
    """A standard stream that also writes to the open logs of this process.

    A thread that opened a log writes to that one; any other to the only one that is open, or to none.
    """

    def __init__(self, stream: TextIO, logs: dict[int, StepLog]) -> None:
        self.stream = stream
        self._logs = logs

    def write(self, text: str) -> int:
        """Write to the stream and to the log, both cleaned."""
        log = self._logs.get(threading.get_ident())
        if log is None and len(self._logs) == 1:
            log = next(iter(self._logs.values()))
        if log:
            log.write(text)
            self.stream.write(log.clean(text))
            return len(text)
        return self.stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


_OPEN: dict[int, StepLog] = {}
_CHANGING = threading.Lock()


@contextmanager
def kept_log(log: StepLog) -> Iterator[None]:
    """Write to a log what this process prints to standard output and error while the context is open."""
    me = threading.get_ident()
    with _CHANGING:
        outer = _OPEN.get(me)
        _OPEN[me] = log
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if stream is not None and not isinstance(stream, _Tee):
                setattr(sys, name, _Tee(stream, _OPEN))
    try:
        yield
    finally:
        with _CHANGING:
            if outer:
                _OPEN[me] = outer
            else:
                del _OPEN[me]
            if not _OPEN:
                for name in ("stdout", "stderr"):
                    stream = getattr(sys, name)
                    if isinstance(stream, _Tee):
                        setattr(sys, name, stream.stream)
        log.flush()


def read_log(store: ArtifactStore, run: str, step: str = "", *, after: frozenset[str] = frozenset()) -> dict[str, str]:
    """Return the pieces of a run's logs that are there, by key, in order.

    Args:
        store: where they are.
        run: id of the run.
        step: id of a step; all by default.
        after: keys of the pieces that are known already, and are left out.
    """
    keys = [key for key in store.list(log_folder(run, step)) if key not in after]
    return {key: store.read_bytes(key).decode(errors="replace") for key in keys}
