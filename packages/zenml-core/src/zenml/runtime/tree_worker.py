"""The process of a pinned step: `python -m zenml.runtime.tree_worker FD`.

It reads one JSON object per line from standard input: first the tree, then requests, each with a `verb`. Of each it
writes JSON lines to the file descriptor FD, a kind and its content each: `log`, `warn`, `progress`, `advance` and
`epoch` and
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
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from zenml.data.answers import encode_error
from zenml.errors import Problem, ZenMLError
from zenml.runtime.teller import Teller
from zenml.runtime.tree_steps import TreeSteps
from zenml.secrets.stream import redact_output


def main() -> None:
    """Serve until standard input closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    answers = Teller(os.fdopen(int(sys.argv[1]), "wb"))
    os.set_inheritable(int(sys.argv[1]), False)
    redact_output()
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, lines), daemon=True).start()
    tree = json.loads(lines.get())
    steps = TreeSteps(tree["commit"], Path(tree["path"]), tree["roots"], tree["hidden"], answers)
    while True:
        request = json.loads(lines.get())
        _answer(answers, getattr(steps, request.pop("verb")), request)


def _answer(answers: Teller, verb: Callable[..., Any], payload: Mapping[str, Any]) -> None:
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
