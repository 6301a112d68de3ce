"""Steps of the tests in which a database server goes away; the pipelines' own processes import them by name."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from zenml.artifacts.types import Artifact, Evaluation
from zenml.steps.base import Step, StepContext


class Note(Step):
    """Writes a word."""

    outputs: ClassVar[Mapping[str, type[Artifact]]] = {"note": Evaluation}

    word: str = "hello"

    def run(self, context: StepContext) -> None:
        (context.outputs["note"].path / "note.txt").write_text(self.word)


class EndServer(Note):
    """Ends a server the first time that it runs.

    Args:
        order: a file with the process and the signal; it is removed.
        port: the server's.
    """

    order: str
    port: int

    def run(self, context: StepContext) -> None:
        path = Path(self.order)
        if path.exists():
            process, signal = map(int, path.read_text().split())
            path.unlink()
            os.kill(process, signal)
            self._wait()
        super().run(context)

    def _wait(self) -> None:
        try:
            while True:
                socket.create_connection(("127.0.0.1", self.port)).close()
                time.sleep(0.05)
        except OSError:
            return
