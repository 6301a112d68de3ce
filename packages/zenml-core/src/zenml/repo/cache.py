"""Cache: the results of steps that runs would be served, listed and forgotten."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from zenml.artifacts.manifest import NAME as MANIFEST
from zenml.artifacts.manifest import Manifest
from zenml.artifacts.store import ArtifactStore
from zenml.errors import StoreError
from zenml.metadata.records import State, StepRecord
from zenml.metadata.store import MetadataStore
from zenml.repo.listing import Listing
from zenml.runtime.identifiers import RUN_ID

_PAGE = 256
_READERS = 8


@dataclass(frozen=True)
class CachedStep:
    """A published step that runs are served.

    Args:
        run: the run that made it.
        pipeline: the pipeline of that run.
        record: the step; its fingerprint is what it is found by.
        size: bytes of its artifacts; None where one is gone, or that was not asked.
    """

    run: str
    pipeline: str
    record: StepRecord
    size: int | None = None

    @property
    def finished(self) -> str | None:
        """When it was made, as ISO 8601."""
        at = self.record.finished
        return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")

    def row(self) -> dict[str, Any]:
        """Return what a table shows."""
        artifacts = [row.name for row in self.record.outputs]
        row = {"step": self.record.id, "pipeline": self.pipeline, "run": self.run, "finished": self.finished}
        return {**row, "bytes": self.size, "artifacts": artifacts, "type": self.record.type}

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON types."""
        outputs = [
            {"name": row.name, "type": row.type, "uri": row.uri, "digest": row.digest} for row in self.record.outputs
        ]
        return {**self.row(), "fingerprint": self.record.fingerprint, "artifacts": outputs}


@dataclass(frozen=True)
class Cache:
    """What is asked of the cache, in which stores.

    Args:
        metadata: the store that knows the steps.
        store: the store that holds their artifacts.
        pipeline: only what runs of this pipeline made, or were served.
        step: only steps of this id or type.
        type: only steps of this type.
        older_than: only what was made longer ago than so many seconds.
    """

    metadata: MetadataStore
    store: ArtifactStore
    pipeline: str | None = None
    step: str | None = None
    type: str | None = None
    older_than: float | None = None

    def find(self, limit: int | None = None, *, sizes: bool = True) -> Listing[CachedStep]:
        """Return what runs would be served, one step for each fingerprint, newest first.

        Args:
            limit: at most so many, of those that were made or served last.
            sizes: whether to look for the artifacts.
        """
        found = list(islice(self._found(everything=limit is None), limit))
        if sizes:
            with ThreadPoolExecutor(_READERS) as pool:
                measured = pool.map(self._size, (row.record for row in found))
                found = [replace(row, size=size) for row, size in zip(found, measured, strict=True)]
        found.sort(key=lambda row: (row.record.finished or 0.0, row.run), reverse=True)
        return Listing(found, CachedStep.row, empty="The cache holds nothing like that")

    def forget(self, found: Iterable[CachedStep] | None = None) -> int:
        """Let no later run be served these steps: the next one makes them anew.

        Runs, artifacts and lineage stay as they are, and runs that are going on keep what they were served.

        Args:
            found: of what `find` returned; all of it by default.

        Returns:
            How many published steps are no longer found; several can have one fingerprint.
        """
        rows = self.find(sizes=False) if found is None else found
        return self.metadata.forget_steps({row.record.fingerprint for row in rows})

    def _found(self, *, everything: bool) -> Iterator[CachedStep]:
        seen: set[str] = set()
        pipelines = {run.id: run.pipeline for run in self.metadata.list_runs()} if everything else {}
        for run, used in self._used(everything):
            if used.fingerprint in seen or self.step not in (None, used.id, used.type):
                continue
            seen.add(used.fingerprint)
            made = self._made(run, used)
            if made and (self.older_than is None or time.time() - (made[1].finished or 0.0) > self.older_than):
                if made[0] not in pipelines:
                    pipelines[made[0]] = self._pipeline_of(made[0])
                yield CachedStep(made[0], pipelines[made[0]], made[1])

    def _used(self, everything: bool) -> Iterator[tuple[str, StepRecord]]:
        """Yield (run, step) of what runs made, newest first; what they were served too, where not all is asked for."""
        states = (State.COMPLETE,) if self.pipeline is self.step is None else (State.COMPLETE, State.CACHED)
        for run, step in self._steps(everything):
            if step.state in states and not step.forgotten and self.type in (None, step.type):
                yield run, step

    def _steps(self, everything: bool) -> Iterator[tuple[str, StepRecord]]:
        if self.pipeline is not None:
            for row in self.metadata.list_runs(pipeline=self.pipeline):
                record = self.metadata.get_run(row.id)
                yield from ((row.id, step) for step in reversed(record.steps if record else ()))
            return
        known, size = 0, None if everything else _PAGE
        while True:
            rows = self.metadata.list_steps(type=self.type, limit=size)
            yield from rows[known:]
            if size is None or len(rows) < size:
                return
            known, size = len(rows), size * 4

    def _made(self, run: str, used: StepRecord) -> tuple[str, StepRecord] | None:
        """Return run and record of the step that a look-up finds; None where it was forgotten."""
        if self.pipeline is self.step is None:
            return run, used
        found = self.metadata.find_step(used.fingerprint, limit=1)
        if not found:
            return None
        maker = RUN_ID.match(found[0].attempt)
        return (maker[0] if maker else run), found[0]

    def _pipeline_of(self, run: str) -> str:
        record = self.metadata.get_run(run)
        return record.pipeline if record else ""

    def _size(self, step: StepRecord) -> int | None:
        """Return the bytes of a step's artifacts as their manifests tell them; None where one is not there."""
        total = 0
        for row in step.outputs:
            key = self.store.transport.key(row.uri)
            try:
                data = self.store.read_bytes(f"{key}/{MANIFEST}") if key else b""
                total += sum(Manifest.from_bytes(data, row.uri).sizes.values())
            except StoreError:
                return None
        return total
