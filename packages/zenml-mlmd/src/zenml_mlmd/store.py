"""MLMDMetadataStore: a metadata store through Google's ml-metadata library."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

from pydantic import Field, PrivateAttr, model_validator

from zenml.metadata.landed import Landed
from zenml.metadata.liveness import is_lost
from zenml.metadata.records import ArtifactRecord, Owner, RunRecord, State, StepRecord
from zenml.metadata.store import MetadataStore
from zenml.secrets import Secret

if TYPE_CHECKING:
    from zenml_mlmd.library import Library
    from zenml_mlmd.reading import Reader
    from zenml_mlmd.writing import Writer

Done = TypeVar("Done")


class MLMDMetadataStore(MetadataStore):
    """Records runs through the ml-metadata library: in a SQLite file, a MySQL database or a gRPC server of ml-metadata.

    What it writes is laid out as the stores of zenml-core do it, so that these read it, and it reads theirs. Each
    method is one request, and so one transaction, of the library. The library locks nothing between requests: that an
    attempt at a step, and a run of one owner, end once is guarded by the names of contexts, which are unique; whether
    a run still goes on is read just before.

    Args:
        path: the SQLite file; it and its folder are made when missing. A relative path counts from the working
            directory.
        server: the gRPC server, as `HOST:PORT`.
        host: name or address of the MySQL server.
        port: its port.
        username: who connects to it.
        password: their password: `env:NAME`, `file:PATH`, `secret:NAME`, or the password itself, which is then kept in
            the repository's secrets file.
        database: the database there.
        timeout: seconds to wait for an answer of the gRPC server.
        retry_seconds: seconds to go on trying when a server went away.
    """

    path: str | None = None
    server: str | None = Field(default=None, pattern=r"^.+:\d+$")
    host: str | None = None
    port: int = Field(default=3306, ge=1, le=65535)
    username: str | None = None
    password: Secret | None = None
    database: str = "zenml"
    timeout: float = Field(default=10.0, gt=0)
    retry_seconds: float = Field(default=60.0, ge=0)

    _library: Library | None = PrivateAttr(default=None)
    _opened_by: int = PrivateAttr(default=0)

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if sum(place is not None for place in (self.path, self.server, self.host)) != 1:
            raise ValueError("give one of path (SQLite), host (MySQL) and server (gRPC)")
        return self

    def resolve(self, root: Path) -> Self:
        """Return the store with an absolute path."""
        if self.path is None:
            return self
        path = str(root.absolute() / Path(self.path).expanduser())
        return self if path == self.path else self.replaced(path=path)

    @property
    def local_files(self) -> str:
        """The database's file; empty where it is on a server."""
        return self.path or ""

    def start_run(self, run: RunRecord) -> None:
        """Record a RUNNING run with all its steps PENDING."""
        self._write(lambda writer: writer.start_run(run), lambda found: found.goes_on(run))
        self.act_for(run.id, run.owner)

    def resume_run(self, run: RunRecord) -> None:
        """Make a run that ended without being COMPLETE go on."""
        self._write(lambda writer: writer.resume_run(run), lambda found: found.goes_on(run))
        self.act_for(run.id, run.owner)

    def start_step(
        self,
        run: str,
        step: str,
        *,
        attempt: str,
        fingerprint: str,
        inputs: Iterable[ArtifactRecord],
        facts: Mapping[str, str],
    ) -> None:
        """Record that an attempt at a step began."""
        used = tuple(inputs)
        self._write(
            lambda writer: writer.start_step(
                run, step, attempt=attempt, fingerprint=fingerprint, inputs=used, facts=facts
            )
        )

    def publish_step(
        self,
        run: str,
        step: str,
        *,
        state: State,
        attempt: str,
        fingerprint: str,
        inputs: Iterable[ArtifactRecord],
        outputs: Iterable[ArtifactRecord],
        metrics: Mapping[str, float],
        facts: Mapping[str, str],
    ) -> tuple[ArtifactRecord, ...]:
        """Record that a step is COMPLETE or CACHED, with its outputs; return these with their ids."""
        used, made = tuple(inputs), tuple(outputs)
        return self._write(
            lambda writer: writer.publish_step(
                run,
                step,
                state=state,
                attempt=attempt,
                fingerprint=fingerprint,
                inputs=used,
                outputs=made,
                metrics=metrics,
                facts=facts,
            ),
            lambda found: found.outputs(run, step, made),
        )

    def end_step(
        self,
        run: str,
        step: str,
        *,
        state: State,
        attempt: str = "",
        error: str = "",
        outputs: Iterable[ArtifactRecord] = (),
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        """Record that a step ended unpublished."""
        made = tuple(outputs)
        self._write(
            lambda writer: writer.end_step(
                run, step, state=state, attempt=attempt, error=error, outputs=made, metrics=metrics or {}
            ),
            lambda found: found.step_ended(run, step),
        )

    def record_metrics(self, run: str, step: str, metrics: Mapping[str, float]) -> None:
        """Record metrics of a step that is going on."""
        self._write(lambda writer: writer.record_metrics(run, step, metrics))

    def end_run(self, run: str, *, state: State, error: str = "") -> None:
        """Record that a run ended."""
        self._write(lambda writer: writer.end_run(run, state=state, error=error), lambda found: found.run_ended(run))

    def beat(self, run: str) -> None:
        """Record, by this machine's clock, that the owner of a run is alive."""
        self._write(lambda writer: writer.beat(run))

    def get_run(self, run: str) -> RunRecord | None:
        """Return a run with its steps, or None when the store has no such run."""
        return self._read(lambda reader: reader.run(run))

    def list_runs(self, *, pipeline: str | None = None, limit: int | None = None) -> list[RunRecord]:
        """Return runs without their steps and specs, newest first."""
        return self._read(lambda reader: reader.runs(pipeline, limit))

    def list_pipelines(self) -> list[str]:
        """Return the names of all pipelines that ever ran, in order of their first run."""
        return self._read(lambda reader: reader.pipelines())

    def list_steps(self, *, type: str | None = None, limit: int | None = None) -> list[tuple[str, StepRecord]]:  # noqa: A002 - the interface's name
        """Return (run id, step) of all runs, newest first."""
        return self._read(lambda reader: reader.steps(type, limit))

    def find_step(self, fingerprint: str, *, limit: int = 8) -> list[StepRecord]:
        """Return COMPLETE steps with that fingerprint, newest first."""
        return self._read(lambda reader: reader.published(fingerprint, limit))

    def forget_steps(self, fingerprints: Collection[str]) -> int:
        """Let `find_step` no longer find the steps that are COMPLETE with one of the fingerprints; return how many."""
        return self._write(lambda writer: writer.forget_steps(sorted(set(fingerprints))))

    def end_lost_runs(self, is_alive: Callable[[Owner], bool | None]) -> list[str]:
        """Write down every RUNNING run whose owner is known to be gone."""
        gone = [run for run in self._read(lambda reader: reader.running()) if is_lost(run, is_alive)]

        def lose(run: RunRecord) -> bool:
            return self._write(lambda writer: writer.lose_run(run), lambda found: found.run_ended(run.id))

        return [run.id for run in gone if lose(run)]

    def _open(self) -> Library:
        if self._library is None or self._opened_by != os.getpid():  # no connection outlives a fork
            from zenml_mlmd.library import Library

            self._library, self._opened_by = Library(self), os.getpid()
        return self._library

    def _read(self, work: Callable[[Reader], Done]) -> Done:
        from zenml_mlmd.reading import Reader

        return self._open().call(lambda client, _: work(Reader(client)))

    def _write(self, work: Callable[[Writer], Done], landed: Callable[[Landed], Done | None] = lambda _: None) -> Done:
        """Do work; `landed` returns what it would, when an earlier try turns out to be recorded."""
        from zenml_mlmd.reading import Reader
        from zenml_mlmd.writing import Writer

        library, now = self._open(), time.time()

        def attempt(client: object, again: bool) -> Done:
            found = landed(Landed(Reader(client), now)) if again else None
            return found if found is not None else work(Writer(client, library, self._acting_for, now))

        return library.call(attempt)
