"""Jobs for tests: small programs in place of a staged pipeline."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kube_double import KubeDouble

from zenml.artifacts.store import ArtifactStore
from zenml.runtime.identifiers import new_run_id
from zenml.runtime.remote import JobStatus, RemoteJob
from zenml_k8s.backend import OrchestratorKubernetesBackend

Make = Callable[..., OrchestratorKubernetesBackend]
"""Makes a backend that leads to the cluster, with more options where some are given."""

SLEEP = "import time\nprint('begun', flush=True)\ntime.sleep(600)"
"""A program that goes on until it is ended."""


def job(program: str = "print('done')", **fields: Any) -> RemoteJob:
    """Return a job that runs a Python program."""
    run_id = fields.pop("run_id", None) or new_run_id()
    labels = {"zenml-run": run_id, "zenml-pipeline": "tried"}
    return RemoteJob(run_id, "Tried", "s3://bucket/runs/x/spec.yaml", ("-c", program), labels, **fields)


def begin(backend: OrchestratorKubernetesBackend, made: RemoteJob, **secrets: str) -> str:
    """Deliver a job's secrets, submit it, and return its run's id."""
    if secrets:
        backend.deliver_secrets(made, secrets)
    backend.submit(made, backend.render(made))
    return made.run_id


class Watcher:
    """Watches the runs of one backend.

    Args:
        kube: the cluster.
        backend: that leads there.
        store: in which no supervisor ever writes.
    """

    def __init__(self, kube: KubeDouble, backend: OrchestratorKubernetesBackend, store: ArtifactStore) -> None:
        self._kube, self._backend, self._store = kube, backend, store

    def now(self, run_id: str) -> JobStatus:
        """Return how a run stands."""
        return self._backend.status(run_id, self._store)

    def end(self, run_id: str) -> JobStatus:
        """Wait until a run has ended, and return how."""

        def ended() -> JobStatus | None:
            status = self.now(run_id)
            return status if status.state.ended else None

        found: JobStatus = self._kube.wait_for(ended)
        return found

    def told(self, run_id: str, text: str) -> JobStatus:
        """Wait until the reason of a run's status holds a text."""

        def tells() -> JobStatus | None:
            status = self.now(run_id)
            return status if text in status.reason else None

        found: JobStatus = self._kube.wait_for(tells)
        return found


@contextmanager
def leaving_nothing(kube: KubeDouble) -> Iterator[None]:
    """See that what was made is gone at the end of the block."""
    yield
    kube.wait_for(lambda: not any(kube.all(resource) for resource in ("jobs", "pods", "secrets")))
