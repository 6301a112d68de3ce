"""FreshProcessBackend: an engine whose workers share nothing with this process but an artifact store."""

from __future__ import annotations

from contextlib import ExitStack

from pydantic import Field

from zenml.artifacts.store import ArtifactStore
from zenml.errors import ZenMLError
from zenml.runtime.remote_job import RemoteRun
from zenml.runtime.remote_processing import RemoteProcessingBackend
from zenml.runtime.remote_shards import RemoteShards
from zenml.testing.fresh_process import FreshProcess

_WORKER = """
import sys
from zenml.runtime.remote_shards_worker import work_on
for number in work_on(sys.argv[1], map(int, sys.argv[2].split(","))):
    print("done", number, flush=True)
"""


class FreshProcessBackend(RemoteProcessingBackend):
    """Work on shards in fresh processes, each in an empty folder: the honest rehearsal of engines on other machines.

    A worker gets no more than the URI of the staged job, the numbers of its shards, and the variables by which a
    machine of its own would reach the store.

    Args:
        staging_location: path or URL of the folder in which jobs are staged.
        workers: how many processes work at the same time.
        twice: whether each shard is worked on by two of them.
        environment: variables of the workers.
    """

    staging_location: str
    workers: int = Field(default=1, ge=1)
    twice: bool = False
    environment: dict[str, str] = Field(default_factory=dict)

    @property
    def staging(self) -> ArtifactStore:
        """The store at the staging location."""
        return ArtifactStore(self.staging_location)

    def work(self, shards: RemoteShards) -> None:
        """Deal the shards out to processes, and wait for them."""
        numbers = shards.waiting
        parts = [numbers[place :: self.workers] for place in range(self.workers)]
        if self.twice:
            parts += [list(reversed(part)) for part in parts]
        with ExitStack() as stack:
            processes = [
                stack.enter_context(
                    FreshProcess(
                        ["-c", _WORKER, shards.uri, ",".join(map(str, part))],
                        {**self.environment, **shards.environment},
                    )
                )
                for part in parts
                if part
            ]
            failures = [failure for failure in [process.wait() for process in processes] if failure]
        if failures:
            raise ZenMLError(f"a worker failed: {failures[0]}", shards.job.label)

    def list_jobs(self) -> list[RemoteRun]:
        """Return none: processes end with the job."""
        return []

    def end_jobs(self, run_id: str) -> None:
        """Do nothing: processes end with the job."""
