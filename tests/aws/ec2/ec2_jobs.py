"""Jobs for tests: small programs in place of a staged pipeline."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from aws_double import AwsDouble

from zenml.artifacts.store import ArtifactStore
from zenml.datasources import CSVDatasource
from zenml.pipelines.pipeline import Pipeline
from zenml.runtime.identifiers import new_run_id
from zenml.runtime.remote import JobStatus, RemoteJob
from zenml.steps.split import RandomSplit
from zenml_aws.ec2.backend import OrchestratorAWSBackend

Make = Callable[..., OrchestratorAWSBackend]
"""Makes a backend that leads to the double, with more options where some are given."""

REGION = "eu-central-1"
PROFILE = "zenml-jobs"

SLEEP = "import time\nprint('begun', flush=True)\ntime.sleep(600)"
"""A program that goes on until it is ended."""

TELLING = """
import os
from zenml.secrets.env_file import load_env_file
load_env_file()
print(os.environ["TOKEN"])
"""
"""A program that prints its secret."""

YIELDING = (
    "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(75))\n"
    "print('begun', flush=True)\ntime.sleep(600)"
)
"""A program that ends as a supervisor does when it is preempted."""


def job(program: str = "print('done')", **fields: Any) -> RemoteJob:
    """Return a job that runs a Python program."""
    run_id = fields.pop("run_id", None) or new_run_id()
    labels = {"zenml-run": run_id, "zenml-pipeline": "tried"}
    return RemoteJob(run_id, "Tried", "s3://bucket/runs/x/spec.yaml", ("-c", program), labels, **fields)


def small(name: str) -> Pipeline:
    """Return a pipeline of two quick steps on the table beside it."""
    made = Pipeline(name=name)
    made.add_step(CSVDatasource(name="Pima", path="diabetes.csv"), id="data")
    made.add_step(RandomSplit(split_map={"train": 0.7, "eval": 0.3}), id="split")
    return made


def begin(backend: OrchestratorAWSBackend, made: RemoteJob, **secrets: str) -> str:
    """Deliver a job's secrets, submit it, and return its run's id."""
    if secrets:
        backend.deliver_secrets(made, secrets)
    backend.submit(made, backend.render(made))
    return made.run_id


class Watcher:
    """Watches the runs of one backend.

    Args:
        aws: the services.
        backend: that leads there.
        store: in which no supervisor ever writes.
    """

    def __init__(self, aws: AwsDouble, backend: OrchestratorAWSBackend, store: ArtifactStore) -> None:
        self._aws, self._backend, self._store = aws, backend, store

    def now(self, run_id: str) -> JobStatus:
        """Return how a run stands."""
        return self._backend.status(run_id, self._store)

    def end(self, run_id: str) -> JobStatus:
        """Wait until a run has ended, and return how."""

        def ended() -> JobStatus | None:
            status = self.now(run_id)
            return status if status.state.ended else None

        return self._aws.wait_for(ended)

    def told(self, run_id: str, text: str) -> JobStatus:
        """Wait until the reason of a run's status holds a text."""

        def tells() -> JobStatus | None:
            status = self.now(run_id)
            return status if text in status.reason else None

        return self._aws.wait_for(tells)


@contextmanager
def leaving_nothing(aws: AwsDouble) -> Iterator[None]:
    """See that what was made is gone at the end of the block."""
    yield
    aws.wait_for(lambda: all(machine.over.is_set() for machine in aws.machines))
    assert aws.left(REGION) == []
