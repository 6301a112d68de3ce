"""FreshProcess: a process that finds nothing of this one but what it is told, as on a machine of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

_PASSED_ON = ("PATH", "HOME", "LANG", "COVERAGE_PROCESS_START", "SYSTEMROOT")


class FreshProcess:
    """A process of Python in an empty folder; as a context, it is killed with all its children when that is left.

    Args:
        arguments: of the interpreter.
        environment: variables, besides those that every process needs.
    """

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="zenml-worker-")
        place = Path(self._folder.name)
        (place / "tmp").mkdir()
        passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        self._said = place / "said.txt"
        with self._said.open("wb") as said:
            self._process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=place,
                env={
                    **passed,
                    "TMPDIR": str(place / "tmp"),
                    "ZENML_ARTIFACT_CACHE": str(place / "cache"),
                    **environment,
                },
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The number of the process, and of the group that it is in with all that it starts."""
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    def wait(self) -> str:
        """Return what it said last, where it failed."""
        code = self._process.wait()
        return "" if code == 0 else self._said.read_text(errors="replace").strip()[-2000:] or str(code)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._process, contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._folder.cleanup()
