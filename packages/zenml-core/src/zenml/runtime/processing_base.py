"""ProcessingBaseBackend: the local engine."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from zenml.backends.interfaces import ProcessingBackend
from zenml.data.shards import ShardJob
from zenml.runtime.worker_pool import POOL, available_cores

SMALL_JOB = 32 << 20
"""Bytes below which a job is done in process when nobody asked for workers: starting one costs more."""


class ProcessingBaseBackend(ProcessingBackend):
    """Work on shards on this machine; the default.

    Args:
        workers: number of worker processes; 1 works in this process. By default one per core for large jobs, and
            none for small ones.
    """

    workers: int | None = Field(default=None, ge=1, le=1024)

    def map(self, job: ShardJob) -> Iterator[bytes]:
        """Yield the message of each shard."""
        in_process = self.workers == 1 or (self.workers is None and job.size < SMALL_JOB) or not job.shards
        if in_process:
            opened = job.open()
            for number in range(len(job.shards)):
                yield opened.work(number)
        else:
            yield from POOL.map(job, min(self.workers or available_cores(), len(job.shards)))
