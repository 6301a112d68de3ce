"""Platforms: what is still held elsewhere, by clusters and clouds, of runs that have ended."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zenml.backends.base import BaseBackend
from zenml.backends.orchestrator_interface import OrchestratorBackend
from zenml.backends.reporter import Reporter
from zenml.errors import ZenMLError
from zenml.metadata.liveness import seen_state
from zenml.metadata.records import State
from zenml.metadata.store import MetadataStore
from zenml.repo.leftover import Leftover
from zenml.runtime.engines import FACT
from zenml.runtime.identifiers import time_of
from zenml.runtime.job_folder import JobFolder
from zenml.runtime.remote import RemoteOrchestratorBackend, RemoteRun
from zenml.runtime.remote_work import RemoteWorkBackend
from zenml.runtime.submitted import Submitted

Platform = RemoteOrchestratorBackend | RemoteWorkBackend
"""What may hold something of a run: `list_runs` tells of it, and `clean_up` removes it."""

_LOOKED_AT = 1_000
"""So many of the newest runs are asked where they ran."""


@dataclass(frozen=True)
class Platforms:
    """Finds the jobs, secrets and other resources that nobody needs any more.

    Where a run ran is known from its record, and from what this repository remembers of what it submitted; so a client
    that was killed at any moment leaves nothing that is not found.

    Args:
        metadata: the store that knows the runs.
        root: the repository root.
        report: is told of platforms that do not answer.
        pipeline: only what belongs to runs of this pipeline.
        unknown_runs: also what belongs to runs that neither the metadata store nor this repository knows.
    """

    metadata: MetadataStore
    root: Path
    report: Reporter
    pipeline: str | None = None
    unknown_runs: bool = False

    def find(self) -> Iterator[tuple[Leftover, Platform]]:
        """Yield what is left of ended runs, and the backend whose `clean_up` removes it."""
        submitted = {each.run_id: each for each in Submitted.all(self.root)}
        for backend in self._backends(submitted.values()):
            try:
                held = backend.list_runs()
            except ZenMLError as error:
                self.report.warn(f"{type(backend).__name__} cannot be asked what it holds: {error}")
                continue
            for run in held:
                row = self._leftover(backend, run, submitted.get(run.run_id))
                if row:
                    yield row, backend

    def notes(self) -> Iterator[Leftover]:
        """Yield what this repository remembers of runs that ended, or never began, and of which nothing is held."""
        held: dict[str, set[str] | None] = {}
        for each in Submitted.all(self.root):
            try:
                pipeline, config = each.pipeline, json.dumps(each.orchestrator, sort_keys=True)
            except FileNotFoundError:
                continue  # its end was seen meanwhile
            if self.pipeline not in (None, pipeline) or not self._is_over(each):
                continue
            if config not in held:
                held[config] = self._held_by(each)
            there = held[config]
            if there is not None and each.run_id not in there:
                yield Leftover("submission", str(each.path), 0, time_of(each.run_id), each.run_id, pipeline)

    def _is_over(self, submitted: Submitted) -> bool:
        run = self.metadata.get_run(submitted.run_id)
        if run:
            return seen_state(run).ended
        try:
            told = JobFolder(submitted.store, submitted.run_id).read_record()
        except ZenMLError:
            return False
        return told is None or told.state is State.PENDING  # of one that began elsewhere, nothing else may tell

    def _held_by(self, submitted: Submitted) -> set[str] | None:
        """Return the runs of which a backend holds something, or None where it cannot be asked; `find` tells why."""
        try:
            backend = submitted.backend
            return {run.run_id for run in backend.list_runs()} if isinstance(backend, Platform) else None
        except ZenMLError:
            return None

    def _backends(self, submitted: Iterable[Submitted]) -> Iterator[Platform]:
        """Yield the orchestrators and the engines of the runs that are known."""
        runs = self.metadata.list_runs(limit=_LOOKED_AT)
        orchestrators = {run.facts.get("orchestrator", "null") for run in runs}
        orchestrators |= {json.dumps(each.orchestrator, sort_keys=True) for each in submitted}
        configs = [config for text in sorted(orchestrators) if (config := json.loads(text))]
        yield from self._made(OrchestratorBackend, configs)
        engines = {run.facts.get(FACT, "[]") for run in runs}
        each = {json.dumps(config, sort_keys=True) for text in engines for config in json.loads(text)}
        yield from self._made(BaseBackend, map(json.loads, sorted(each)))

    def _made(self, kind: type[BaseBackend], configs: Iterable[dict[str, Any]]) -> Iterator[Platform]:
        for config in configs:
            try:
                backend = kind.from_config(config)
            except ZenMLError as error:
                self.report.warn(f"{config['type']} cannot be asked what it holds: {error}")
                continue
            if isinstance(backend, Platform):
                yield backend

    def _leftover(self, backend: Platform, held: RemoteRun, submitted: Submitted | None) -> Leftover | None:
        run = self.metadata.get_run(held.run_id)
        if run is None and submitted:
            run = JobFolder(submitted.store, held.run_id).read_record()
        if not (run or submitted or self.unknown_runs) or self.pipeline not in (None, run.pipeline if run else ""):
            return None
        state = seen_state(run) if run else State.PENDING
        if isinstance(backend, RemoteWorkBackend):
            over = run is None or state.ended  # no job goes on without whoever brings home what it gives
        elif held.state in (State.PENDING, State.RUNNING):
            over = state.ended and state is not State.LOST  # a job may go on with a run that was lost
        else:
            over = state.ended or state is State.PENDING  # where the client was killed before the job was made
        if not over:
            return None
        since = (run.finished if run else None) or time_of(held.run_id)
        what = f"{type(backend).__name__}: {', '.join(held.resources)}"
        return Leftover("resources", what, 0, since, held.run_id, run.pipeline if run else "")
