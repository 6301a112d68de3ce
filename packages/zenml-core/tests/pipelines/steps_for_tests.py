"""Steps for the tests of pipelines; other processes import them by name."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from typing import ClassVar

from zenml.artifacts.types import Artifact, Evaluation, Examples
from zenml.steps.base import Step, StepContext


class Note(Step):
    """Writes a word."""

    outputs: ClassVar[Mapping[str, type[Artifact]]] = {"note": Evaluation}

    word: str = "hello"

    def run(self, context: StepContext) -> None:
        (context.outputs["note"].path / "note.txt").write_text(self.word)
        context.metrics["length"] = len(self.word)


class Repeat(Step):
    """Repeats the note before it."""

    inputs: ClassVar[Mapping[str, type[Artifact]]] = {"note": Evaluation}
    outputs: ClassVar[Mapping[str, type[Artifact]]] = {"first": Examples, "second": Examples}

    def run(self, context: StepContext) -> None:
        text = (context.inputs["note"].path / "note.txt").read_text()
        for output in context.outputs.values():
            (output.path / "note.txt").write_text(text * 2)


class Break(Note):
    """Fails as it is told."""

    how: str = "bug"

    def run(self, context: StepContext) -> None:
        (context.outputs["note"].path / "half.txt").write_text("half")
        if self.how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.how == "terminate":
            os.kill(os.getpid(), signal.SIGTERM)
        if self.how == "interrupt":
            raise KeyboardInterrupt
        if self.how == "exit":
            sys.exit(3)
        raise ZeroDivisionError("a bug of the user's")
