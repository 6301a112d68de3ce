"""How a running step's shard jobs come to its processing backend."""

from __future__ import annotations

from collections.abc import Iterator

from zenml.backends.base import BaseBackend
from zenml.backends.interfaces import ProcessingBackend
from zenml.backends.reporter import Advance, Reporter
from zenml.data.shards import RunJob, ShardJob, State, fold_order
from zenml.runtime.processing_base import ProcessingBaseBackend


def job_runner(step_id: str, chosen: BaseBackend | None, report: Reporter) -> RunJob:
    """Return what runs the shard jobs of a step and shows their progress.

    Args:
        step_id: the step.
        chosen: its backend; where that is none for processing, jobs run by the local engine.
        report: takes messages and progress.
    """
    backend = chosen if isinstance(chosen, ProcessingBackend) else ProcessingBaseBackend()
    here = ProcessingBaseBackend(workers=1)

    def run_job(job: ShardJob) -> list[State]:
        engine = backend
        if job.op.startswith("__main__:") and backend != here:
            report.warn(
                f"{job.op.partition(':')[2]} lives in the launched script or a notebook, so step {step_id} works "
                "in this process with one worker; move it into a module to use workers"
            )
            engine = here
        with report.progress(f"{step_id}: {job.label or job.op}", len(job.shards)) as advance:
            return fold_order(job, _counted(engine, job, advance))

    return run_job


def _counted(engine: ProcessingBackend, job: ShardJob, advance: Advance) -> Iterator[bytes]:
    for message in engine.map(job):
        yield message
        advance()
