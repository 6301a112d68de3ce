"""Keeps the images of a folder as a snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from zenml.data.schema import Feature, LogicalType, Schema
from zenml.data.shards import RunJob, State
from zenml.data.source_files import SourceFile
from zenml.data.tables.problems import SHOWN, changed_files
from zenml.data.tables.read import TableRead
from zenml.data.tables.writing import TableJob
from zenml.errors import DataError, Problem

TARGET, MOST = 1 << 26, 4096
"""A shard holds images of about so many bytes, and at most so many, whatever the number of workers."""

SCHEMA = Schema(
    (
        Feature("image", LogicalType.BYTES),
        Feature("label", LogicalType.STRING),
        Feature("path", LogicalType.STRING),
    )
)


def keep_images(
    files: Sequence[SourceFile], names: Sequence[str], tfrecord: bool, out: Path, run_job: RunJob
) -> TableRead:
    """Write the snapshot of images into `out`.

    Args:
        files: the images, in order.
        names: their paths below the folder, which begin with the label.
        tfrecord: whether to write TFRecord copies.
        out: the snapshot's folder.
        run_job: runs a job on the step's engine.

    Raises:
        DataError: files that are no images, or that changed meanwhile.
    """
    shards: list[dict[str, Any]] = []
    room = 0
    for file, name in zip(files, names, strict=True):
        if room <= 0 or len(shards[-1]["files"]) == MOST:
            shards.append({"files": [], "number": len(shards)})
            room = TARGET
        shards[-1]["files"].append({"file": asdict(file), "name": name})
        room -= file.size

    def check(states: Sequence[State]) -> None:
        bad = [row for state in states for row in state.get("findings", {}).get("images", ())]
        mend = "Replace or remove the file"
        problems = changed_files(files) or [
            Problem(what, url, mend if not at else "") for at, (url, what) in enumerate(bad)
        ]
        if problems:
            more = [Problem(f"these are the first {SHOWN} of {len(problems)} files")] if len(problems) > SHOWN else []
            raise DataError([*problems[:SHOWN], *more])

    size = sum(file.size for file in files)
    job = TableJob("zenml.data.images.read:ReadImages", shards, SCHEMA, {}, tfrecord, "read images", size)
    return job.write(out, run_job, check)
