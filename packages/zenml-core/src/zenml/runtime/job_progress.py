"""Progress of a job: how far its run is, written to the artifact store while it goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from zenml.errors import StoreError
from zenml.metadata import liveness

if TYPE_CHECKING:
    from zenml.metadata.records import RunRecord
    from zenml.runtime.job_folder import StatusFile
    from zenml.runtime.staged_job import StagedJob

LOOK_SECONDS = 1.0
"""Pause between two looks at the run's record."""


class Progress:
    """Writes the run's record where it changed, and a sign of life every ten seconds, from a thread.

    The supervisor's process does nothing else that could stall it. A store that does not answer stops no run.

    Args:
        job: the job.
        status: the status that is written anew with each sign.
    """

    def __init__(self, job: StagedJob, status: StatusFile) -> None:
        self._job = job
        self._status = status
        self._shown: RunRecord | None = None
        self._done = threading.Event()
        self._beat = time.monotonic()

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Go on while the context is open."""
        thread = threading.Thread(target=self._go_on, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._done.set()
            thread.join()

    def look(self) -> None:
        """Write the record, where it changed."""
        try:
            record = self._job.metadata.get_run(self._job.folder.run_id)
            if record is not None and record != self._shown:
                self._job.folder.write_record(record)
                self._shown = record
        except StoreError:
            return

    def _go_on(self) -> None:
        while not self._done.wait(LOOK_SECONDS):
            self.look()
            if time.monotonic() - self._beat >= liveness.BEAT_SECONDS:
                self._beat = time.monotonic()
                try:
                    self._job.folder.write_status(self._status)
                except StoreError:
                    continue
