"""RemoteProcessingBackend: works on shards on machines that share nothing with this one but a bucket."""

from __future__ import annotations

from zenml.backends.interfaces import ProcessingBackend
from zenml.data.shards import ShardJob
from zenml.runtime.remote_work import RemoteWorkBackend


class RemoteProcessingBackend(RemoteWorkBackend, ProcessingBackend):
    """Base of the engines on other machines; in `work`, workers call `zenml.runtime.remote_shards_worker.work_on`."""

    def map(self, job: ShardJob) -> list[bytes]:
        """Stage the job, have its shards worked on, and bring back what they gave."""
        return self.carry_out(job)
