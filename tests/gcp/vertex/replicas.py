"""The machines of the Vertex double: each runs its container's command as a process in a folder of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_PASSED_ON = ("PATH", "LANG", "COVERAGE_PROCESS_START")


class Replica:
    """One machine.

    Args:
        name: such as `workerpool0-0`.
        command: of its container.
        environment: its variables; there are no others but those of any shell.
        folder: its disk; each start has an empty folder in it.
    """

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        self.name, self.command, self.environment = name, tuple(command), dict(environment)
        self.starts = 0
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run the command, in an empty folder."""
        home = self._folder / f"{self.name}-{self.starts}"
        (home / "tmp").mkdir(parents=True)
        self.starts += 1
        own = {"HOME": str(home), "TMPDIR": str(home / "tmp"), "ZENML_ARTIFACT_CACHE": str(home / "cache")}
        passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        program, *arguments = self.command
        with (self._folder / f"{self.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable if program == "python" else program, *arguments],
                cwd=home,
                env={**passed, **own, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def code(self) -> int | None:
        """The exit code; None while it runs, or before it ever did."""
        return self._process.poll() if self._process else None

    @property
    def output(self) -> str:
        """All that it printed, in all its starts."""
        log = self._folder / f"{self.name}.log"
        return log.read_text(errors="replace") if log.is_file() else ""

    def kill(self) -> None:
        """End it at once, and all that it started."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
