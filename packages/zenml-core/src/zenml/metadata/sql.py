"""SQLMetadataStore: a metadata store in a relational database, in ML Metadata's own schema."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pydantic import PrivateAttr

from zenml.metadata.records import ArtifactRecord, Owner, RunRecord, State, StepRecord
from zenml.metadata.store import MetadataStore

if TYPE_CHECKING:
    from zenml.metadata.database import Database
    from zenml.metadata.reading import Reader
    from zenml.metadata.writing import Writer


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
        with self._write() as writer:
            writer.start_run(run)
        self.act_for(run.id, run.owner)

    def resume_run(self, run: RunRecord) -> None:
        """Make a run that ended without being COMPLETE go on."""
        with self._write() as writer:
            writer.resume_run(run)
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
        inputs = tuple(inputs)
        with self._write(inputs) as writer:
            writer.start_step(run, step, attempt=attempt, fingerprint=fingerprint, inputs=inputs, facts=facts)

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
        inputs, outputs = tuple(inputs), tuple(outputs)
        with self._write((*inputs, *outputs)) as writer:
            return writer.publish_step(
                run,
                step,
                state=state,
                attempt=attempt,
                fingerprint=fingerprint,
                inputs=inputs,
                outputs=outputs,
                metrics=metrics,
                facts=facts,
            )

    def end_step(self, run: str, step: str, *, state: State, attempt: str = "", error: str = "") -> None:
        """Record that a step ended without outputs."""
        with self._write() as writer:
            writer.end_step(run, step, state=state, attempt=attempt, error=error)

    def end_run(self, run: str, *, state: State, error: str = "") -> None:
        """Record that a run ended."""
        with self._write() as writer:
            writer.end_run(run, state=state, error=error)

    def get_run(self, run: str) -> RunRecord | None:
        """Return a run with its steps, or None when the store has no such run."""
        with self._read() as reader:
            return reader.run(run)

    def list_runs(self, *, pipeline: str | None = None, limit: int | None = None) -> list[RunRecord]:
        """Return runs without their steps and specs, newest first."""
        with self._read() as reader:
            return reader.runs(pipeline, limit)

    def list_pipelines(self) -> list[str]:
        """Return the names of all pipelines that ever ran, in order of their first run."""
        with self._read() as reader:
            return reader.pipelines()

    def list_steps(self, *, type: str | None = None, limit: int | None = None) -> list[tuple[str, StepRecord]]:  # noqa: A002 - the interface's name
        """Return (run id, step) of all runs, newest first."""
        with self._read() as reader:
            return reader.steps(type, limit)

    def find_step(self, fingerprint: str, *, limit: int = 8) -> list[StepRecord]:
        """Return COMPLETE steps with that fingerprint, newest first."""
        with self._read() as reader:
            return reader.published(fingerprint, limit)

    def end_lost_runs(self, is_alive: Callable[[Owner], bool | None]) -> list[str]:
        """Write down every RUNNING run whose owner is known to be gone."""
        with self._read() as reader:
            gone = [run for run, owner in reader.running() if is_alive(owner) is False]
        if not gone:
            return []
        with self._write() as writer:
            return [run for run in gone if writer.lose_run(run)]

    def _open(self) -> Database:
        if self._database is None or self._opened_by != os.getpid():  # no connection outlives a fork
            database = self.open_database()
            database.prepare()
            self._database, self._opened_by = database, os.getpid()
        return self._database

    @contextmanager
    def _read(self) -> Iterator[Reader]:
        database = self._open()
        from zenml.metadata.reading import Reader

        with database.transaction(write=False) as connection:
            yield Reader(connection, database.types)

    @contextmanager
    def _write(self, artifacts: Iterable[ArtifactRecord] = ()) -> Iterator[Writer]:
        database = self._open()
        from zenml.metadata.statement import Cursor
        from zenml.metadata.writing import Writer

        database.add_artifact_types(artifact.type for artifact in artifacts)
        with database.transaction(write=True) as connection:
            yield Writer(Cursor(connection), database, self._acting_for)
