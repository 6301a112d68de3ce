"""Steps for the tests of pipelines; other processes import them by name."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from zenml.artifacts.types import Artifact, Evaluation, Examples
from zenml.errors import DataError, QualityError
from zenml.secrets import Secret
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


class Judge(Note):
    """Writes a word, and is content with long ones."""

    least: int = 0

    @property
    def is_gate(self) -> bool:
        return True

    def run(self, context: StepContext) -> None:
        super().run(context)
        if len(self.word) < self.least:
            raise QualityError(f"the word is shorter than {self.least}")


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


class Flaky(Note):
    """Fails as often as it is told, counting its attempts in a file, and says which one it is."""

    inputs: ClassVar[Mapping[str, type[Artifact]]] = {"note": Evaluation}

    fails: int = 1
    counter: str
    bad_data: bool = False

    def run(self, context: StepContext) -> None:
        with Path(self.counter).open("a+") as file:
            file.write("x")
            file.seek(0)
            attempt = len(file.read())
        print(f"attempt {attempt}")
        if attempt <= self.fails:
            raise DataError("bad rows") if self.bad_data else OSError(5, "a flaky disk")
        super().run(context)


class Wait(Note):
    """Says that it waits, and does so for ever."""

    def run(self, context: StepContext) -> None:
        print("waiting", flush=True)
        threading.Event().wait()


class Meet(Note):
    """Ends only when as many others as it waits for have begun too; says in which process it runs."""

    inputs: ClassVar[Mapping[str, type[Artifact]]] = {"note": Evaluation}

    place: str
    others: int = 2
    name: str

    def run(self, context: StepContext) -> None:
        print(f"process {os.getpid()}")
        Path(self.place, self.name).touch()
        while len(list(Path(self.place).iterdir())) < self.others:
            time.sleep(0.01)
        super().run(context)


class BreakAfter(Break):
    """Fails after the note before it."""

    inputs: ClassVar[Mapping[str, type[Artifact]]] = {"note": Evaluation}


class Hold(Note):
    """Has a secret."""

    key: Secret
