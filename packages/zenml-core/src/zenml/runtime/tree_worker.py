"""The process of a pinned step: `python -m zenml.runtime.tree_worker FD`.

It reads one JSON object per line from standard input: first the tree, then requests, each with a `verb`. Of each it
writes JSON lines to the file descriptor FD, a kind and its content each: `log`, `warn`, `progress`, `advance` and
`made` while a step runs, and last `answer`, `error` or `interrupt`. When the pipe closes, the process ends at once,
whatever it is doing.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

from zenml.backends.reporter import Advance
from zenml.data.answers import encode_error
from zenml.errors import Problem, ZenMLError
from zenml.runtime.tree_steps import TreeSteps
from zenml.secrets.stream import redact_output


class _Answers:
    """Writes messages, progress and answers; a Reporter."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()
        self._bars = count()

    def write(self, kind: str, value: Any) -> None:
        with self._lock:
            self._pipe.write(json.dumps([kind, value]).encode() + b"\n")
            self._pipe.flush()

    def made(self, value: Any) -> None:
        self.write("made", value)

    def log(self, message: str) -> None:
        self.write("log", message)

    def warn(self, message: str) -> None:
        self.write("warn", message)

    @contextmanager
    def progress(self, label: str, total: float) -> Iterator[Advance]:
        bar = next(self._bars)
        self.write("progress", {"bar": bar, "label": label, "total": total})

        def advance(units: float = 1) -> None:
            self.write("advance", {"bar": bar, "units": units})

        yield advance


def main() -> None:
    """Serve until standard input closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    answers = _Answers(os.fdopen(int(sys.argv[1]), "wb"))
    os.set_inheritable(int(sys.argv[1]), False)
    redact_output()
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, lines), daemon=True).start()
    tree = json.loads(lines.get())
    steps = TreeSteps(tree["commit"], Path(tree["path"]), tree["roots"], tree["hidden"], answers)
    while True:
        request = json.loads(lines.get())
        _answer(answers, getattr(steps, request.pop("verb")), request)


def _answer(answers: _Answers, verb: Callable[..., Any], payload: Mapping[str, Any]) -> None:
    try:
        answers.write("answer", verb(**payload))
    except KeyboardInterrupt:
        answers.write("interrupt", None)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a step raises must reach the parent
        answers.write("error", json.loads(encode_error(_told(error))))


def _told(error: Exception | SystemExit) -> Exception | SystemExit:
    """Return an error as the parent should raise it: of a bug of the step's, its place; the traceback is printed."""
    if isinstance(error, ZenMLError | OSError):
        return error
    traceback.print_exception(error)
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return ZenMLError([Problem(f"{type(error).__name__}: {error}", where)])


def _listen(pipe: BinaryIO, lines: queue.SimpleQueue[bytes]) -> None:
    for line in pipe:
        lines.put(line)
    os._exit(0)


if __name__ == "__main__":
    main()
