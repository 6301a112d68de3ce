"""TreeProcess: a process in which modules are those of a commit's tree."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, Self

from zenml.data.answers import decode_error
from zenml.errors import ZenMLError
from zenml.runtime.trees import Tree
from zenml.runtime.worker_pool import how_it_ended
from zenml.secrets import place

_LAST_SECONDS = 10.0
"""How long to wait for what a process printed, in case that something it started still could print."""


class TreeProcess:
    """A process on a tree; close it, or use it as a context.

    What it prints appears on the streams of this process, and so in the log of a step that runs here.

    Args:
        tree: the tree.
        roots: absolute source roots in the tree.
        hidden: absolute source roots of the working tree, which modules must not come from.
    """

    def __init__(self, tree: Tree, roots: Sequence[Path], hidden: Sequence[Path]) -> None:
        answers, answering = os.pipe()
        path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
        environment = {
            **os.environ,
            **place.environment(),
            "PYTHONPATH": path,
            "PYTHONSAFEPATH": "1",
            "PYTHONUNBUFFERED": "1",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "zenml.runtime.tree_worker", str(answering)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(answering,),
            env=environment,
        )
        os.close(answering)
        self._answers = os.fdopen(answers, "rb")
        self._pumps = [
            threading.Thread(target=_pump, args=(pipe, name), daemon=True)
            for pipe, name in ((self._process.stdout, "stdout"), (self._process.stderr, "stderr"))
        ]
        for pump in self._pumps:
            pump.start()
        self._send({"commit": tree.commit, "path": str(tree.path), "roots": _texts(roots), "hidden": _texts(hidden)})

    def ask(self, verb: str, told: Callable[[str, Any], None] | None = None, **payload: Any) -> Any:
        """Ask for something; return the answer.

        Args:
            verb: what is asked for: the name of a method of the worker.
            told: called with the kind and the content of each message that comes before the answer.
            payload: what goes with it (JSON types).

        Raises:
            ZenMLError: what went wrong there, or the process ended.
            OSError: the operating system refused something there.
            KeyboardInterrupt: the code there raised it.
        """
        self._send({"verb": verb, **payload})
        while line := self._answers.readline():
            kind, value = json.loads(line)
            if kind == "answer":
                return value
            if kind == "error":
                raise decode_error(json.dumps(value).encode())
            if kind == "interrupt":
                raise KeyboardInterrupt
            if told is not None:
                told(kind, value)
        raise ZenMLError(how_it_ended("the process of the pinned step", self._process.wait()))

    @property
    def ended(self) -> bool:
        """Whether the process is gone, as where a module that it imported ended it."""
        return self._process.poll() is not None

    def _send(self, row: dict[str, Any]) -> None:
        assert self._process.stdin is not None  # noqa: S101 - opened as a pipe above
        with contextlib.suppress(BrokenPipeError):  # the answer, which does not come, tells how it ended
            self._process.stdin.write(json.dumps(row).encode() + b"\n")
            self._process.stdin.flush()

    def close(self, *, kill: bool = False) -> None:
        """End the process: it goes when its pipe closes, or is killed."""
        if kill:
            self._process.kill()
        assert self._process.stdin is not None  # noqa: S101 - opened as a pipe above
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()
        self._answers.close()
        for pump in self._pumps:
            pump.join(_LAST_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.close(kill=kind is not None)


def _pump(pipe: IO[bytes], name: str) -> None:
    """Write what the process prints to a stream of this one."""
    with pipe:
        for line in pipe:
            stream = getattr(sys, name)
            if stream is not None:
                stream.write(line.decode(errors="replace"))
                stream.flush()


def _texts(paths: Sequence[Path]) -> list[str]:
    return [str(path) for path in paths]
