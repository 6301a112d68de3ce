"""Faults: a disk that fails at a chosen moment, to test that nothing half-written is ever taken for whole.

A test runs what it examines once without a fault, to learn how many operations there are, then once for each of them:

    with failing_writes(folder) as calls:
        publish()
    for number in range(1, len(calls) + 1):
        with failing_writes(folder, at=number, error=errno.ENOSPC), pytest.raises(StoreError):
            publish()
"""

from __future__ import annotations

import builtins
import errno as errors
import io
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
_BY_PATH = ("mkdir", "rename", "replace", "link", "symlink", "truncate")
_BY_DESCRIPTOR = ("write", "fsync", "ftruncate")


@contextmanager
def failing_writes(
    root: str | os.PathLike[str], *, at: int = 0, error: int = errors.ENOSPC, lasting: bool = False
) -> Iterator[list[str]]:
    """Let the operation number `at` below a folder fail with an OSError, in this process and while the context is open.

    Operations are: opening a file for writing, writing, syncing, renaming, linking, truncating, and making a folder, as
    long as Python does it (not a library in C that opens files itself, as SQLite or Arrow may). Removing always works.

    Args:
        root: the folder; what happens elsewhere is let through and not counted.
        at: counted from 1; 0 lets everything through.
        error: the error's number: ENOSPC for a full disk, EROFS for one mounted for reading, EIO for a broken one.
        lasting: whether all later operations fail too.

    Returns:
        What was done so far, as "operation path", in order; it grows while the context is open.
    """
    fault = _Fault(os.path.realpath(root), at, error, lasting)
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(builtins, "open", fault.open_file))
        stack.enter_context(mock.patch.object(io, "open", fault.open_file))
        stack.enter_context(mock.patch.object(os, "open", fault.open_descriptor))
        for name in (*_BY_PATH, *_BY_DESCRIPTOR):
            if hasattr(os, name):
                stack.enter_context(mock.patch.object(os, name, fault.guard(name)))
        yield fault.calls


@dataclass
class _Fault:
    root: str
    at: int
    error: int
    lasting: bool
    calls: list[str] = field(default_factory=list)
    lock: Any = field(default_factory=threading.Lock)
    real_open: Callable[..., Any] = field(default_factory=lambda: io.open)
    real_open_descriptor: Callable[..., int] = field(default_factory=lambda: os.open)

    def happen(self, operation: str, path: str) -> None:
        """Count an operation, and fail when its turn has come."""
        if path != self.root and not path.startswith(self.root + os.sep):
            return
        with self.lock:
            self.calls.append(f"{operation} {path}")
            number = len(self.calls)
        if self.at and (number == self.at or (self.lasting and number > self.at)):
            raise OSError(self.error, os.strerror(self.error), path)

    def guard(self, name: str) -> Callable[..., Any]:
        """Return a function of `os` that counts first."""
        real = getattr(os, name)

        def guarded(target: Any, *others: Any, **named: Any) -> Any:
            place = others[0] if name in ("rename", "replace", "link", "symlink") and others else target
            self.happen(name, _path_of(place))
            return real(target, *others, **named)

        return guarded

    def open_descriptor(self, path: Any, flags: int, *others: Any, **named: Any) -> int:
        """Stand for `os.open`."""
        if flags & _WRITING:
            self.happen("open", _path_of(path))
        return self.real_open_descriptor(path, flags, *others, **named)

    def open_file(
        self, file: Any, mode: str = "r", buffering: int = -1, encoding: Any = None, errors: Any = None,
        newline: Any = None, closefd: bool = True, opener: Any = None,
    ) -> Any:  # fmt: skip
        """Stand for `open`."""
        writes = set(mode) & set("wax+")
        path = _path_of(file)
        if not writes or not path.startswith(self.root + os.sep):
            return self.real_open(file, mode, buffering, encoding, errors, newline, closefd, opener)
        self.happen("open", path)
        raw = _File(file, mode.replace("b", "").replace("t", ""), closefd, opener)
        raw.before_write = lambda: self.happen("write", path)
        if buffering == 0:
            return raw
        size = buffering if buffering > 1 else io.DEFAULT_BUFFER_SIZE
        buffered = io.BufferedRandom(raw, size) if "+" in mode else io.BufferedWriter(raw, size)
        if "b" in mode:
            return buffered
        return io.TextIOWrapper(buffered, encoding, errors, newline)


class _File(io.FileIO):
    """A file that says when it is written."""

    before_write: Callable[[], None]

    def write(self, data: Any, /) -> int:
        self.before_write()
        return super().write(data)


def _path_of(target: Any) -> str:
    """Return the real path of a path or a descriptor; empty where it has none."""
    if isinstance(target, int):
        try:
            return str(Path(f"/proc/self/fd/{target}").readlink())
        except OSError:  # no such folder on this system
            return _path_by_fcntl(target)
    path = os.fsdecode(target)
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))  # noqa: PTH118, PTH120, PTH119 - text


def _path_by_fcntl(descriptor: int) -> str:
    import fcntl

    get_path = getattr(fcntl, "F_GETPATH", None)  # macOS
    if get_path is None:
        return ""
    return os.fsdecode(fcntl.fcntl(descriptor, get_path, bytes(1024)).rstrip(b"\0"))
