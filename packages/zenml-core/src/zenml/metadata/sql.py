"""SQLMetadataStore: a metadata store in a relational database, in ML Metadata's own schema."""

from __future__ import annotations

import os
import time
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar

from pydantic import PrivateAttr

from zenml.metadata.liveness import is_lost
from zenml.metadata.records import ArtifactRecord, Owner, RunRecord, State, StepRecord
from zenml.metadata.store import MetadataStore

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from zenml.metadata.database import Database
    from zenml.metadata.landed import Landed
    from zenml.metadata.reading import Reader
    from zenml.metadata.writing import Writer

Done = TypeVar("Done")


class SQLMetadataStore(MetadataStore):
    """Base of the stores in a relational database; `ml-metadata` opens what they write.

    SQLAlchemy is imported, and the database opened, by the first call that needs it.
    """

    _database: Database | None = PrivateAttr(default=None)
    _opened_by: int = PrivateAttr(default=0)

    @abstractmethod
    def open_database(self) -> Database:
        """Return the database, not yet prepared.

        Raises:
            StoreError: it cannot be reached.
        """

    def start_run(self, run: RunRecord) -> None:
        """Record a RUNNING run with all its steps PENDING."""
        self._write(lambda writer: writer.start_run(run), landed=lambda found: found.goes_on(run))
        self.act_for(run.id, run.owner)

    def resume_run(self, run: RunRecord) -> None:
        """Make a run that ended without being COMPLETE go on."""
        self._write(lambda writer: writer.resume_run(run), landed=lambda found: found.goes_on(run))
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
        given = tuple(inputs)
        self._write(
            lambda writer: writer.start_step(
                run, step, attempt=attempt, fingerprint=fingerprint, inputs=given, facts=facts
            ),
            given,
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
            (*used, *made),
            landed=lambda found: found.outputs(run, step, made),
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
            made,
            landed=lambda found: found.step_ended(run, step),
        )

    def record_metrics(self, run: str, step: str, metrics: Mapping[str, float]) -> None:
        """Record metrics of a step that is going on."""
        self._write(lambda writer: writer.record_metrics(run, step, metrics))

    def end_run(self, run: str, *, state: State, error: str = "") -> None:
        """Record that a run ended."""
        self._write(
            lambda writer: writer.end_run(run, state=state, error=error), landed=lambda found: found.run_ended(run)
        )

    def beat(self, run: str) -> None:
        """Record that the owner of a run is alive."""
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
        wanted = sorted(set(fingerprints))
        return self._write(lambda writer: writer.forget_steps(wanted)) if wanted else 0

    def list_steps_with(self, uris: Collection[str]) -> list[tuple[str, StepRecord]]:
        """Return (run id, step) of the steps that read or gave an artifact at one of the URIs, newest first."""
        return self._read(lambda reader: reader.steps_with(uris))

    def recorded_uris(self, uris: Collection[str]) -> set[str]:
        """Return those of the URIs at which an artifact is that some run refers to, as of one moment."""
        database = self._open()
        from zenml.metadata.references import recorded_uris

        return database.transact(lambda connection, _: recorded_uris(connection, uris), write=False)

    def end_lost_runs(self, is_alive: Callable[[Owner], bool | None]) -> list[str]:
        """Write down every RUNNING run whose owner is known to be gone."""
        gone = [run for run in self._read(lambda reader: reader.running()) if is_lost(run, is_alive)]
        if not gone:
            return []
        return self._write(
            lambda writer: [run.id for run in gone if writer.lose_run(run)],
            landed=lambda found: [run.id for run in gone if found.run_ended(run.id)] or None,
        )

    def _open(self) -> Database:
        if self._database is None or self._opened_by != os.getpid():  # no connection outlives a fork
            database = self.open_database()
            database.prepare()
            self._database, self._opened_by = database, os.getpid()
        return self._database

    def _read(self, work: Callable[[Reader], Done]) -> Done:
        database = self._open()
        from zenml.metadata.reading import Reader

        return database.transact(lambda connection, _: work(Reader(connection, database)), write=False)

    def _write(
        self,
        work: Callable[[Writer], Done],
        artifacts: Iterable[ArtifactRecord] = (),
        landed: Callable[[Landed], Done | None] = lambda _: None,
    ) -> Done:
        """Do work in a transaction.

        Args:
            work: writes; it may be done again from the start.
            artifacts: of types that the database must have.
            landed: what `work` would return, when an earlier try turns out to be recorded, else None.
        """
        database = self._open()
        from zenml.metadata.landed import Landed
        from zenml.metadata.reading import Reader
        from zenml.metadata.statement import Cursor
        from zenml.metadata.writing import Writer

        database.add_artifact_types(artifact.type for artifact in artifacts)
        now = time.time()

        def attempt(connection: Connection, again: bool) -> Done:
            if again:
                found = landed(Landed(Reader(connection, database), now))
                if found is not None:
                    return found
            return work(Writer(Cursor(connection), database, self._acting_for, now))

        return database.transact(attempt, write=True)
