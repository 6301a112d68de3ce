"""RunFiles: what an artifact store holds of runs beside their artifacts: logs, staged jobs, code, lists of packages."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from zenml.artifacts.store import ArtifactStore
from zenml.errors import StoreError
from zenml.metadata.liveness import seen_state
from zenml.metadata.records import RunRecord
from zenml.metadata.store import MetadataStore
from zenml.repo.leftover import Leftover
from zenml.runtime.identifiers import RUN_ID, time_of
from zenml.runtime.job_folder import JobFolder

RESTARTS = 7 * 86_400.0
"""For so many seconds a job may be begun again by its platform, unless its supervisor wrote how it ended."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_PACKAGE = re.compile(rf"({_DIGEST.pattern})\.tar\.gz")
_ENVIRONMENT = re.compile(rf"({_DIGEST.pattern})\.json")
_READERS = 8
_ACCOUNT = ("spec.yaml", "status.json", "record.json")


@dataclass(frozen=True)
class RunFiles:
    """Finds those files of runs that nobody needs any more.

    The logs of recorded runs, and what they told of themselves, are kept, unless it is said for how long.

    Args:
        metadata: the store that knows the runs.
        store: the store that holds the files.
        grace: seconds for which everything is spared.
        pipeline: only what belongs to runs of this pipeline.
        unknown_runs: also what belongs to runs that the metadata store does not know.
        logs_older_than: the logs of runs that ended longer ago, in seconds; none at all by default.
    """

    metadata: MetadataStore
    store: ArtifactStore
    grace: float
    pipeline: str | None = None
    unknown_runs: bool = False
    logs_older_than: float | None = None

    def of_runs(self) -> Iterator[Leftover]:
        """Yield logs and staged jobs; the files are listed before the runs are read, so that no record is missed."""
        folders = self._folders()
        runs = {run.id: run for run in self.metadata.list_runs()} if folders else {}
        for run_id, sizes in folders.items():
            yield from self._of_run(run_id, runs.get(run_id), sizes)

    def shared(self, leftovers: Iterable[Leftover] = ()) -> Iterator[Leftover]:
        """Yield what several runs may use.

        Args:
            leftovers: what `of_runs` found, where it is not removed yet.
        """
        if self.pipeline is not None:
            return
        gone = {row.run for row in leftovers if row.kind == "job"}
        yield from self._unused("package", _PACKAGE, lambda _: self._packages_in_use(gone))
        if self.unknown_runs:
            yield from self._unused("environment", _ENVIRONMENT, self._environments_in_use)

    def still(self, row: Leftover) -> bool:
        """Say whether a row that `of_runs` gave still holds, and nothing of it was written since."""
        prefix = f"runs/{row.run}/"
        sizes = {key.removeprefix(prefix): 0 for key in self.store.list(prefix.rstrip("/"))}
        found = self._of_run(row.run, self.metadata.get_run(row.run), sizes)
        return any(again.kind == row.kind and again.since <= row.since for again in found)

    def remove(self, row: Leftover) -> None:
        """Remove the logs or the staged job of a run."""
        for key in self.store.list(f"runs/{row.run}"):
            if _kind(key.split("/", 2)[2]) == row.kind:
                self.store.remove(key)

    def _of_run(self, run_id: str, run: RunRecord | None, sizes: Mapping[str, int]) -> Iterator[Leftover]:
        if run is None:
            if not self.unknown_runs or self.pipeline is not None:
                return
            since, pipeline = time_of(run_id), ""
        else:
            if not seen_state(run).ended or self.pipeline not in (None, run.pipeline):
                return
            since, pipeline = run.finished or time_of(run_id), run.pipeline
        age, keep = time.time() - since, self.grace if run is None else self.logs_older_than
        asked = ("job",) if keep is None else ("job", "log")  # in this order: the log says that the job has ended
        if age < self.grace or not any(_kind(name) in asked for name in sizes):
            return
        staged = [name for name in sizes if not _is_printed(name)]
        if staged:
            if age < RESTARTS and not self._has_ended(run_id):
                return
            since = max(since, *(self._modified(f"runs/{run_id}/{name}") for name in staged))
        for kind in asked:
            found = [size for name, size in sizes.items() if _kind(name) == kind]
            if found and (kind == "job" or time.time() - since >= (keep or 0.0)):
                yield Leftover(kind, self.store.uri(f"runs/{run_id}"), sum(found), since, run_id, pipeline)

    def _folders(self) -> dict[str, dict[str, int]]:
        """Return names and sizes of the files of each run."""
        found: dict[str, dict[str, int]] = defaultdict(dict)
        for name, size in self.store.transport.sizes("runs").items():
            run_id, _, file = name.partition("/")
            if file and RUN_ID.fullmatch(run_id):
                found[run_id][file] = size
        return found

    def _has_ended(self, run_id: str) -> bool:
        """Say whether a job's supervisor wrote how it ended, so that no platform begins it again."""
        try:
            status = JobFolder(self.store, run_id).last_status()
        except (StoreError, ValueError, TypeError, KeyError):  # of another version, or damaged
            return False
        return status is not None and status.state.ended

    def _unused(
        self, kind: str, pattern: re.Pattern[str], in_use: Callable[[Collection[str]], Collection[str]]
    ) -> Iterator[Leftover]:
        folder, found = f"{kind}s", dict[str, Leftover]()
        for name, size in self.store.transport.sizes(folder).items():
            match = pattern.fullmatch(name)
            if match:
                key = f"{folder}/{name}"
                row = Leftover(kind, self.store.uri(key), size, self._modified(key))
                if row.age >= self.grace:
                    found[match[1]] = row
        used = in_use(found) if found else ()
        yield from (row for digest, row in found.items() if digest not in used)

    def _packages_in_use(self, gone: Collection[str]) -> set[str]:
        """Return the digests that staged jobs name, whoever's they are."""
        jobs = [f"runs/{run}/job.json" for run, files in self._folders().items() if "job.json" in files]
        with ThreadPoolExecutor(_READERS) as pool:
            texts = pool.map(self._text, (key for key in jobs if key.split("/")[1] not in gone))
            return {digest for text in texts for digest in _DIGEST.findall(text)}

    def _environments_in_use(self, digests: Collection[str]) -> set[str]:
        return {run.facts.get("environment", "") for run in self.metadata.list_runs()}.intersection(digests)

    def _text(self, key: str) -> str:
        try:
            return self.store.read_bytes(key).decode(errors="replace")
        except StoreError:
            if self.store.has(key):
                raise
            return ""  # it was removed meanwhile

    def _modified(self, key: str) -> float:
        """Return when a file was written; now, where the store does not tell."""
        at = self.store.transport.modified(key)
        return time.time() if at is None else at


def _is_printed(name: str) -> bool:
    return name.startswith(("logs/", "output/", "history/"))


def _kind(name: str) -> str:
    """Return as what a file of a run, named relative to the run's folder, is collected.

    What the run told of itself is kept with its logs: who cannot reach the metadata store looks back by that.
    """
    return "log" if _is_printed(name) or name in _ACCOUNT else "job"
