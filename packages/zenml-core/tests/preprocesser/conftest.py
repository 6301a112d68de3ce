"""Fixtures of the preprocesser's tests: tables as snapshots, and a runner of the step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from zenml.artifacts.handles import NewArtifact, StoredArtifact
from zenml.backends.interfaces import ProcessingBackend
from zenml.data.schema import Schema
from zenml.data.shards import ShardJob, State, fold_order
from zenml.data.splits import fold_split, shard_writer, write_schema
from zenml.data.transforms import Transform
from zenml.steps.base import StepContext
from zenml.steps.preprocesser.standard import StandardPreprocesser


@dataclass
class Notes:
    """Reporter that keeps the warnings."""

    warnings: list[str]

    def warn(self, message: str) -> None:
        self.warnings.append(message)


@dataclass(frozen=True)
class Preprocessed:
    """What the step left."""

    transform: Path
    examples: Path
    properties: Mapping[str, Any]
    warnings: Sequence[str]
    jobs: Sequence[str]

    @property
    def fitted(self) -> Transform:
        return Transform.load(self.transform)

    def table(self, split: str) -> pa.Table:
        tables = []
        for path in sorted((self.examples / split).glob("shard-*.arrow")):
            with pa.OSFile(str(path)) as source, pa.ipc.open_file(source) as reader:
                tables.append(reader.read_all())
        return pa.concat_tables(tables)


@pytest.fixture
def snapshot(tmp_path: Path) -> Callable[..., StoredArtifact]:
    """Return a function that keeps a table per split as a snapshot, in shards of some rows."""
    made: list[Path] = []

    def write(rows: int = 1 << 16, **splits: pa.Table) -> StoredArtifact:
        out = tmp_path / f"snapshot-{len(made)}"
        out.mkdir()
        made.append(out)
        properties: dict[str, Any] = {}
        for split, table in splits.items():
            schema = Schema.from_arrow(table.schema)
            states: list[State] = []
            for number, start in enumerate(range(0, max(1, table.num_rows), rows)):
                with shard_writer(out, split, number, schema, sample=1024, tfrecord=False) as writer:
                    for batch in table.slice(start, rows).to_batches():
                        writer.write(batch)
                states.append(writer.state)
            properties[split] = fold_split(out, split, schema, states)
            write_schema(out, schema)
        return StoredArtifact("Examples", out.as_uri(), "", out, {"splits": properties})

    return write


@pytest.fixture
def preprocess(tmp_path: Path) -> Callable[..., Preprocessed]:
    """Return a function that runs the step on a snapshot."""
    count = 0

    def run(
        examples: StoredArtifact, step: StandardPreprocesser, engine: ProcessingBackend | None = None
    ) -> Preprocessed:
        nonlocal count
        count += 1
        folders = {name: tmp_path / f"run-{count}" / name for name in (*step.outputs, "scratch")}
        for folder in folders.values():
            folder.mkdir(parents=True)
        outputs = {name: NewArtifact(kind, folders[name]) for name, kind in step.outputs.items()}

        jobs: list[str] = []

        def run_job(job: ShardJob) -> list[State]:
            jobs.append(job.label)
            if engine is not None:
                return fold_order(job, engine.map(job))
            opened = job.open()
            return fold_order(job, [opened.work(number) for number in range(len(job.shards))])

        notes = Notes([])
        step.run(StepContext({"examples": examples}, outputs, 1729, run_job, folders["scratch"], notes))
        properties = outputs["examples"].properties
        return Preprocessed(folders["transform"], folders["examples"], properties, notes.warnings, jobs)

    return run
