"""Engines that watch the jobs of a step: one lists them, in the other workers die at work."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from zenml.backends.processing import ProcessingBackend, ProcessingBaseBackend
from zenml.data.shards import ShardJob


class ListingBackend(ProcessingBackend):
    """Works in this process, and writes down the operation of every job.

    Args:
        notes: a file that takes their names, one a line.
    """

    notes: Path

    def map(self, job: ShardJob) -> Iterable[bytes]:
        """Work on all shards."""
        with self.notes.open("a") as file:
            file.write(f"{job.op.rpartition(':')[2]}\n")
        return ProcessingBaseBackend(workers=1).map(job)


class DeadlyBackend(ProcessingBackend):
    """The local engine, in which whoever works on the first shard of a job dies.

    Args:
        marks: a folder that takes a file for each death; its name tells the job and the operation.
        moment: when it dies: `before` the work, `amid` it (as it puts a file in its place) or `after` it.
        times: how often, for each job.
        workers: processes; with 1, whoever works is this process.
        only: the operation to die in, by the name of its class; by default every one.
    """

    marks: Path
    moment: str = "amid"
    times: int = 1
    workers: int = 2
    only: str = ""

    def map(self, job: ShardJob) -> Iterable[bytes]:
        """Work on all shards."""
        op = job.op.rpartition(":")[2]
        if self.only in ("", op):
            jobs = {path.name.partition("-")[0] for path in self.marks.iterdir()}
            params = {
                "op": job.op,
                "params": job.params,
                "victim": job.shards[0],
                "mark": str(self.marks / f"{len(jobs)}-{op}"),
                "moment": self.moment,
                "times": self.times,
            }
            job = replace(job, op="dying_op:Dies", params=params)
        yield from ProcessingBaseBackend(workers=self.workers).map(job)
