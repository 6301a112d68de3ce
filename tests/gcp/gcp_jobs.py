"""Jobs for tests: small programs in place of a staged pipeline."""

from __future__ import annotations

import functools
import socket
from collections.abc import Callable
from typing import Any

from google_double import GoogleDouble

from zenml.artifacts.store import ArtifactStore
from zenml.datasources import CSVDatasource
from zenml.pipelines import DataPipeline
from zenml.runtime.identifiers import new_run_id
from zenml.runtime.remote import JobStatus, RemoteJob
from zenml_gcp.vm.backend import OrchestratorGCPBackend

Make = Callable[..., OrchestratorGCPBackend]
"""Makes a backend that leads to the double, with more options where some are given."""

CONNECTION = "proj-one:europe-west1:records"
"""The connection name of the double's database."""

SLEEP = "import time\nprint('begun', flush=True)\ntime.sleep(600)"
"""A program that goes on until it is ended."""


def job(program: str = "print('done')", **fields: Any) -> RemoteJob:
    """Return a job that runs a Python program."""
    run_id = fields.pop("run_id", None) or new_run_id()
    labels = {"zenml-run": run_id, "zenml-pipeline": "tried"}
    uri = fields.pop("spec_uri", "gs://bucket/dir/runs/x/spec.yaml")
    return RemoteJob(run_id, "Tried", uri, ("-c", program), labels, **fields)


def begin(backend: OrchestratorGCPBackend, made: RemoteJob, **secrets: str) -> str:
    """Deliver a job's secrets, submit it, and return its run's id."""
    if secrets:
        backend.deliver_secrets(made, secrets)
    backend.submit(made, backend.render(made))
    return made.run_id


def ended(google: GoogleDouble, backend: OrchestratorGCPBackend, run_id: str, store: ArtifactStore) -> JobStatus:
    """Wait until a run has ended, and return how."""

    def look() -> JobStatus | None:
        status = backend.status(run_id, store)
        return status if status.state.ended else None

    found = google.wait_for(look)
    assert isinstance(found, JobStatus)
    return found


def one_step(data: str, name: str) -> DataPipeline:
    """Return a pipeline that commits a table."""
    pipeline = DataPipeline(name=name)
    pipeline.add_datasource(CSVDatasource(name="Pima", path=data))
    return pipeline


@functools.cache
def sql_port() -> int:
    """Return the port at which machines reach their database; nobody else uses it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
