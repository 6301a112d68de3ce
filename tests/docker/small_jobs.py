"""Jobs of one line of Python, for tests of what is around them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zenml.artifacts.store import ArtifactStore
from zenml.runtime.identifiers import new_run_id
from zenml.runtime.remote import JobStatus, RemoteJob
from zenml.testing.orchestrator import until
from zenml_docker.backend import OrchestratorDockerBackend

NOWHERE = ArtifactStore("/nowhere")
"""A store that nothing is written to."""


def job(code: str = "print('done')", secrets: Sequence[str] = ()) -> RemoteJob:
    """Return a job that runs a line of Python."""
    run_id = new_run_id()
    labels = {"zenml-run": run_id, "zenml-pipeline": "small"}
    return RemoteJob(run_id, "Small", f"s3://b/runs/{run_id}/spec.yaml", ("-c", code), labels, secrets=tuple(secrets))


def submit(backend: OrchestratorDockerBackend, given: RemoteJob) -> None:
    """Submit a job as it is rendered."""
    backend.submit(given, backend.render(given))


def ended(backend: OrchestratorDockerBackend, given: RemoteJob) -> JobStatus:
    """Wait for a job's end; return how it stands."""
    seen: list[JobStatus] = []

    def look() -> bool:
        seen.append(backend.status(given.run_id, NOWHERE))
        return seen[-1].state.ended

    until(look)
    return seen[-1]


def inspected(backend: OrchestratorDockerBackend, given: RemoteJob) -> dict[str, Any]:
    """Return what the engine tells of a job's container."""
    from zenml_docker.engine import Engine

    with Engine(backend.engine) as engine:
        found = engine.inspect(f"zenml-{given.run_id}")
    assert found is not None
    return found


def secrets_folder(tmp_path: Path, given: RemoteJob) -> Path:
    """Return the folder of a job's secrets."""
    return tmp_path / "state" / "zenml" / "docker" / given.run_id
