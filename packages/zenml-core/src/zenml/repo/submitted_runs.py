"""Runs that were submitted from here and that the metadata store does not show: not begun, or out of its reach."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from zenml.errors import StoreError
from zenml.metadata.records import RunRecord
from zenml.metadata.store import MetadataStore
from zenml.runtime.job_folder import JobFolder
from zenml.runtime.submitted import Submitted


def with_submitted(root: Path, metadata: MetadataStore, pipeline: str | None, limit: int | None) -> list[RunRecord]:
    """Return runs without their steps, newest first.

    Args:
        root: the repository root.
        metadata: the store that records runs.
        pipeline: only runs of this one.
        limit: how many at most.

    Raises:
        StoreError: the store cannot be read, and nothing was submitted from here that could be shown all the same.
    """
    submitted = [each for each in _records(root) if pipeline in (None, each.pipeline)]
    try:
        recorded = metadata.list_runs(pipeline=pipeline, limit=limit)
    except StoreError:
        if not submitted:
            raise
        recorded = []
    known = {run.id for run in recorded} | {run.id for run in submitted if recorded and metadata.get_run(run.id)}
    found = [*recorded, *(run for run in submitted if run.id not in known)]
    return sorted(found, key=lambda run: run.id, reverse=True)[:limit]


def find_submitted(root: Path, beginning: str) -> list[Submitted]:
    """Return those whose id begins so."""
    return [each for each in Submitted.all(root) if each.run_id.startswith(beginning)]


def _records(root: Path) -> Iterator[RunRecord]:
    for each in Submitted.all(root):
        try:
            record = JobFolder(each.store, each.run_id).read_record()
        except StoreError:  # its artifact store does not answer just now
            continue
        if record:
            yield record
