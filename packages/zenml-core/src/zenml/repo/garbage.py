"""Garbage: the leftovers of a repository, found and removed while other runs go on.

What makes this safe: an attempt's folder is named after its run, and only that run, while it is RUNNING, can record
what lies in it; a resumed run makes new attempts. So once a run has ended, what no run refers to then nobody ever will,
except for data that a spec pins by digest: what a snapshot's pointer names is spared. The files of a job are looked at
again before they go, because a run that is resumed has the same ones; code goes after the jobs that refer to it, and
everything when it is older than a grace period.
"""

from __future__ import annotations

import re
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from zenml.artifacts.local import LocalTransport, is_partial, walk
from zenml.artifacts.manifest import NAME as MANIFEST
from zenml.artifacts.store import ArtifactStore
from zenml.backends.reporter import Reporter
from zenml.errors import Problem, StoreError, ZenMLError
from zenml.metadata.liveness import is_alive, seen_state
from zenml.metadata.store import MetadataStore
from zenml.repo.leftover import Leftover
from zenml.repo.platforms import Platforms
from zenml.repo.run_files import RunFiles
from zenml.runtime.console import Console
from zenml.runtime.identifiers import RUN_ID, time_of
from zenml.runtime.submitted import Submitted
from zenml.steps.trainer.checkpoints import Checkpoint

_ATTEMPT = re.compile(rf"{RUN_ID.pattern}[.-].+")
_CHECKPOINTS = f"{Checkpoint.__name__}/"
_TYPE = re.compile(r"[A-Z]\w*")
_RUN_ID_LENGTH = 20
_OF_RUNS = ("log", "job")


@dataclass(frozen=True)
class Garbage:
    """What counts as a leftover, in which stores.

    Args:
        metadata: the store that knows the runs.
        store: the store that holds their artifacts.
        root: the repository root, below which scratch files are.
        grace: seconds for which what no run refers to is spared.
        pipeline: only what runs of this pipeline left.
        unknown_runs: also what is left of runs that the metadata store does not know. Those of other repositories that
            use the same artifact store are among them.
        logs_older_than: also the logs of runs that ended longer ago, in seconds; none by default.
        report: is told what cannot be asked.
    """

    metadata: MetadataStore
    store: ArtifactStore
    root: Path
    grace: float
    pipeline: str | None = None
    unknown_runs: bool = False
    logs_older_than: float | None = None
    report: Reporter = field(default_factory=lambda: Console(quiet=True))

    def find(self) -> list[Leftover]:
        """Return all leftovers, the oldest first; nothing is changed."""
        of_runs = self._ordered(self._of_runs())
        held = [row for row, _ in self._platforms.find()]
        return self._ordered([*of_runs, *self._files.shared(of_runs), *held, *self._platforms.notes()])

    def delete(self) -> list[Leftover]:
        """Remove all leftovers, the manifest of an artifact first, and return them.

        Raises:
            StoreError: something cannot be removed; all else is.
        """
        self.metadata.end_lost_runs(is_alive)
        removed, problems = list[Leftover](), list[Problem]()
        for rows in (self._of_runs, self._files.shared):  # what is left of jobs goes before what they refer to
            for row in self._ordered(rows()):
                try:
                    if row.kind not in _OF_RUNS or self._files.still(row):
                        self._remove(row)
                        removed.append(row)
                except StoreError as error:
                    problems += error.problems
                except OSError as error:
                    problems.append(Problem(f"cannot be removed: {error.strerror}", row.uri))
        for row, backend in self._platforms.find():
            if row.age >= self.grace:
                try:
                    backend.clean_up(row.run)
                    Submitted(self.root, row.run).forget()
                    removed.append(row)
                except ZenMLError as error:
                    problems += error.problems
        for row in self._ordered(self._platforms.notes()):
            Submitted(self.root, row.run).forget()
            removed.append(row)
        if problems:
            raise StoreError(problems)
        return self._ordered(removed)

    @property
    def _platforms(self) -> Platforms:
        return Platforms(self.metadata, self.root, self.report, self.pipeline, self.unknown_runs)

    @property
    def _files(self) -> RunFiles:
        return RunFiles(self.metadata, self.store, self.grace, self.pipeline, self.unknown_runs, self.logs_older_than)

    def _of_runs(self) -> list[Leftover]:
        return [*self._attempts(), *self._scratch(), *self._partials(), *self._files.of_runs()]

    def _ordered(self, found: Iterable[Leftover]) -> list[Leftover]:
        return sorted((row for row in found if row.age >= self.grace), key=lambda row: (row.since, row.uri))

    def _attempts(self) -> Iterator[Leftover]:
        """Yield folders of the artifact store: listed before the runs are read, so that no record is missed."""
        folders: dict[str, dict[str, int]] = defaultdict(dict)
        for kind in filter(_TYPE.fullmatch, self.store.transport.folders("")):
            for name, size in self.store.transport.sizes(kind).items():
                fingerprint, _, rest = name.partition("/")
                attempt, _, file = rest.partition("/")
                if file and _ATTEMPT.fullmatch(attempt):
                    folders[f"{kind}/{fingerprint}/{attempt}"][file] = size
        recorded = self.metadata.recorded_uris([self.store.uri(key) for key in folders])
        ended = cache(self._ended)
        pinned = cache(self._pinned)
        for key, files in folders.items():
            run_id = key.rpartition("/")[2][:_RUN_ID_LENGTH]
            run = ended(run_id) if self.store.uri(key) not in recorded else None
            if run and not any(uri.endswith(f"/{key}") for uri in run.outputs) and key not in pinned():
                what = "artifact" if MANIFEST in files else "attempt"
                what = "checkpoint" if key.startswith(_CHECKPOINTS) else what
                yield Leftover(what, self.store.uri(key), sum(files.values()), run.since, run_id, run.pipeline)

    def _scratch(self) -> Iterator[Leftover]:
        """Yield folders for scratch files."""
        for folder in sorted((self.root / ".zenml" / "tmp").glob("r*")):
            run = self._ended(folder.name) if RUN_ID.fullmatch(folder.name) else None
            if run:
                size = sum(state.st_size for _, state in walk(folder))
                yield Leftover("scratch", str(folder), size, run.since, folder.name, run.pipeline)

    def _partials(self) -> Iterator[Leftover]:
        """Yield files that were being written; they name no run, unless they lie in a folder of one."""
        transport = self.store.transport
        roots = [self.root / ".zenml", *([Path(transport.root)] if isinstance(transport, LocalTransport) else [])]
        files = {root / name: state for root in roots for name, state in walk(root) if is_partial(name)}
        for path, state in files.items():
            run_id = next((part[:_RUN_ID_LENGTH] for part in path.parts[:-1] if RUN_ID.match(part)), "")
            run = self._ended(run_id) if run_id else _EndedRun(0, "", ())
            if run and self.pipeline in (None, run.pipeline):
                since = max(run.since, state.st_mtime)
                yield Leftover("partial", str(path), state.st_size, since, run_id, run.pipeline)

    def _ended(self, run_id: str) -> _EndedRun | None:
        """Return a run whose leftovers are asked for; None for one that goes on, or that is not asked for."""
        run = self.metadata.get_run(run_id)
        if run is None:
            asked = self.unknown_runs and self.pipeline is None
            return _EndedRun(time_of(run_id), "", ()) if asked else None
        if not seen_state(run).ended or self.pipeline not in (None, run.pipeline):
            return None
        outputs = tuple(row.uri for step in run.steps for row in step.outputs)
        return _EndedRun(run.finished or time_of(run_id), run.pipeline, outputs)

    def _pinned(self) -> frozenset[str]:
        """Return the keys of the data that specs can pin by digest."""
        return frozenset(self.store.read_bytes(key).decode() for key in self.store.list("snapshots"))

    def _remove(self, row: Leftover) -> None:
        if row.kind in ("artifact", "attempt", "checkpoint"):
            self.store.delete(row.uri)
        elif row.kind == "scratch":
            while Path(row.uri).exists():
                with suppress(FileNotFoundError):  # the run's own process removes it, too
                    shutil.rmtree(row.uri)
        elif row.kind in _OF_RUNS:
            self._files.remove(row)
        elif row.kind in ("package", "environment"):
            self.store.transport.remove(str(self.store.transport.key(row.uri)))
        else:
            Path(row.uri).unlink(missing_ok=True)


@dataclass(frozen=True)
class _EndedRun:
    since: float
    pipeline: str
    outputs: tuple[str, ...]
