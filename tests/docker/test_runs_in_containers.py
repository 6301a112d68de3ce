"""A pipeline runs in a container: of the double everywhere, of a real engine where one starts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from quickstart_for_tests import quickstart
from real_engine import RealEngine

from zenml.runtime.run import Run
from zenml_docker.backend import OrchestratorDockerBackend

Backend = Callable[..., OrchestratorDockerBackend]


@pytest.fixture(params=["double", pytest.param("real", marks=pytest.mark.xdist_group("docker"))])
def backend(request: pytest.FixtureRequest) -> Backend:
    """Make a backend of the double, or of a real engine."""
    if request.param == "double":
        given: Backend = request.getfixturevalue("in_double")
        return given
    real: RealEngine = request.getfixturevalue("real")
    return real.backend


def digests(run: Run) -> dict[str, str]:
    return {f"{name}.{out}": row.digest for name, step in run.steps.items() for out, row in step.outputs.items()}


def test_the_quickstart_gives_the_same_bytes_in_a_container(project: Path, diabetes: Path, backend: Backend) -> None:
    docker = backend(memory="2g", cpus=1.0)
    there = quickstart(diabetes, "There").run(backend=docker)
    assert there.state == "COMPLETE"
    here = quickstart(diabetes, "Here").run()
    assert digests(there) == digests(here)
    assert docker.list_runs() == []
