"""Fixtures that several rooms use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from zenml.artifacts.handles import NewArtifact, StoredArtifact
from zenml.backends.interfaces import ProcessingBackend
from zenml.data.shards import ShardJob, State, fold_order
from zenml.steps.base import Advance, Step, StepContext


@dataclass
class Notes:
    """Reporter that keeps what it is told."""

    logs: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def log(self, message: str) -> None:
        self.logs.append(message)

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    @contextmanager
    def progress(self, label: str, total: float) -> Iterator[Advance]:
        def advance(units: float = 1) -> None:
            self.logs.append(f"{label} {units}/{total}")

        yield advance


class StepRunner:
    """Runs single steps in folders of their own, without a store."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.notes = Notes()
        self.count = 0

    def __call__(
        self,
        step: Step,
        inputs: Mapping[str, StoredArtifact] | None = None,
        *,
        seed: int = 1729,
        engine: ProcessingBackend | None = None,
    ) -> StoredArtifact:
        """Run `step` and return its one output."""
        self.count += 1
        folder = self.root / f"step-{self.count}"
        ((name, kind),) = step.outputs.items()
        new = NewArtifact(kind, folder / "out")
        new.path.mkdir(parents=True)
        scratch = folder / "scratch"
        scratch.mkdir()

        def run_job(job: ShardJob) -> list[State]:
            if engine is not None:
                return fold_order(job, engine.map(job))
            opened = job.open()
            return fold_order(job, (opened.work(number) for number in range(len(job.shards))))

        step.run(StepContext(inputs or {}, {name: new}, seed, run_job, scratch, self.notes))
        return StoredArtifact(kind.__name__, new.path.as_uri(), f"sha256:{'0' * 64}", new.path, new.properties)


@pytest.fixture
def run_step(tmp_path: Path) -> StepRunner:
    """Return a runner of single steps."""
    return StepRunner(tmp_path / "steps")


@pytest.fixture
def files_of() -> Callable[[Path], dict[str, bytes]]:
    """Return a function that reads a folder as names and bytes, without what killed processes left behind."""

    def read(folder: Path) -> dict[str, bytes]:
        files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".partial")
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}

    return read
