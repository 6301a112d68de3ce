"""Steps of the suite of orchestrators: its tests copy this module into the repository of a user."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pyarrow as pa

from zenml.artifacts.types import Artifact, Evaluation, TransformedExamples
from zenml.secrets import Secret
from zenml.steps.base import Step, StepContext


class Judge(Step):
    """Measures the transformed rows, and says so."""

    inputs: ClassVar[Mapping[str, type[Artifact]]] = {"examples": TransformedExamples}
    outputs: ClassVar[Mapping[str, type[Artifact]]] = {"evaluation": Evaluation}

    def run(self, context: StepContext) -> None:
        """Write the sum of the first column of the training rows."""
        total = 0.0
        for path in sorted((context.inputs["examples"].path / "train").glob("shard-*.arrow")):
            with pa.ipc.open_file(path) as reader:
                total += sum(reader.read_all().column(0).to_pylist())
        (context.outputs["evaluation"].path / "total.txt").write_text(f"{total:.6f}")
        context.metrics["total"] = total
        print(f"the total is {total:.6f}")  # noqa: T201 - what a step says is tested


class Judged(Step):
    """Counts its attempts in a file."""

    outputs: ClassVar[Mapping[str, type[Artifact]]] = {"judged": Evaluation}

    counter: str

    def run(self, context: StepContext) -> None:
        """Count this one."""
        with Path(self.counter).open("a") as file:
            file.write("attempt\n")
        (context.outputs["judged"].path / "judged.txt").write_text("yes")


class Gate(Step):
    """Waits until a file is there, or fails where it is told to; counts its attempts in another file.

    Args:
        file: the file that it waits for; it does not wait where that is empty.
        fails_without: fail where this file is missing.
        counter: gets a line for each attempt.
        ends_hard: how it fails: by killing its process.
    """

    inputs: ClassVar[Mapping[str, type[Artifact]]] = {"judged": Evaluation}
    outputs: ClassVar[Mapping[str, type[Artifact]]] = {"passed": Evaluation}

    file: str = ""
    fails_without: str = ""
    counter: str = ""
    ends_hard: bool = False

    def run(self, context: StepContext) -> None:
        """Wait, fail or pass."""
        if self.counter:
            with Path(self.counter).open("a") as file:
                file.write("attempt\n")
        print("at the gate", flush=True)  # noqa: T201 - what a step says is tested
        while self.file and not Path(self.file).exists():
            time.sleep(0.02)
        if self.fails_without and not Path(self.fails_without).exists():
            if self.ends_hard:
                os.kill(os.getpid(), 9)
            raise ZeroDivisionError("the gate is shut")
        (context.outputs["passed"].path / "passed.txt").write_text("yes")


class Keyholder(Step):
    """Writes down what it can see: a digest of its secret, the files around it, the interpreter's arguments."""

    outputs: ClassVar[Mapping[str, type[Artifact]]] = {"seen": Evaluation}

    key: Secret

    def run(self, context: StepContext) -> None:
        """Look around."""
        secret = self.key.reveal()
        print(f"the key is {secret}")  # noqa: T201 - it must be hidden
        seen = context.outputs["seen"].path
        (seen / "digest.txt").write_text(hashlib.sha256(secret.encode()).hexdigest())
        here = Path(__file__).parent
        files = sorted(str(path.relative_to(here)) for path in here.rglob("*") if path.is_file())
        (seen / "files.txt").write_text("\n".join(name for name in files if "__pycache__" not in name))
        (seen / "arguments.txt").write_text("\n".join(sys.orig_argv))
