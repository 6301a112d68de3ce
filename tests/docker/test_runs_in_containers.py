"""A pipeline runs in a container: of the double everywhere, of a real engine where one starts."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from quickstart_for_tests import quickstart

from zenml.artifacts.store import ArtifactStore
from zenml.metadata.store import MetadataStore
from zenml.runtime.remote import RemoteJob, Resource
from zenml.runtime.run import Run
from zenml_docker.backend import OrchestratorDockerBackend
from zenml_docker.engine import Engine

Backend = Callable[..., OrchestratorDockerBackend]


def digests(run: Run) -> dict[str, str]:
    return {f"{name}.{out}": row.digest for name, step in run.steps.items() for out, row in step.outputs.items()}


def test_the_quickstart_gives_the_same_bytes_in_a_container(project: Path, diabetes: Path, backend: Backend) -> None:
    docker = backend(memory="2g", cpus=1.0)
    there = quickstart(diabetes, "There").run(backend=docker)
    assert there.state == "COMPLETE"
    here = quickstart(diabetes, "Here").run()
    assert digests(there) == digests(here)
    assert docker.list_runs() == []


def test_the_quickstart_runs_with_stores_that_ask_for_passwords(
    project: Path,
    diabetes: Path,
    backend: Backend,
    database: MetadataStore,
    bucket: ArtifactStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither password is in what describes the container, in a file that stays, or in what was recorded."""
    described: list[str] = []
    submit = OrchestratorDockerBackend.submit

    def describe(self: OrchestratorDockerBackend, job: RemoteJob, resources: Sequence[Resource]) -> None:
        described.append(repr((job, resources)))
        submit(self, job, resources)
        with Engine(self.engine) as engine:
            described.append(repr(engine.inspect(resources[0].name)))

    monkeypatch.setattr(OrchestratorDockerBackend, "submit", describe)
    docker = backend(network="host")
    run = quickstart(diabetes, "There").run(backend=docker, metadata_store=database, artifact_store=bucket)
    assert run.state == "COMPLETE"
    assert run.metrics["accuracy"] > 0.6
    recorded = json.dumps(run.to_json()) + run.record.spec + run.logs("trainer")
    files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for secret in (os.environ["TEST_SECRET_KEY"], os.environ["DATABASE_PASSWORD"]):
        assert all(secret not in text for text in [*described, recorded])
        assert secret.encode() not in files
    assert docker.list_runs() == []
    assert not [*(tmp_path / "state").rglob("*.json")]
