"""Fixtures: a double of Google Cloud with Vertex AI, a bucket in an emulator, and backends that lead there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # where these tests' own modules lie
sys.path.insert(0, str(Path(__file__).parents[1]))  # and the double's
sys.path.insert(0, str(Path(__file__).parents[2] / "e2e"))  # and the quickstart's

from google_double import GoogleDouble
from google_double.others import PROJECT
from vertex_double import Vertex
from vertex_world import google_with_vertex, new_job_dir

from zenml.testing.emulators import gcs_emulator

Make = Callable[..., Any]


@pytest.fixture(scope="session")
def storage() -> Iterator[str]:
    """Address of an emulator of Cloud Storage."""
    pytest.importorskip("gcp_storage_emulator", reason="Run: pip install gcp-storage-emulator")
    with gcs_emulator() as address:
        yield address


@pytest.fixture
def google(
    tmp_path_factory: pytest.TempPathFactory, storage: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[GoogleDouble]:
    """A double of Google Cloud, with credentials for it, and short pauses."""
    with google_with_vertex(tmp_path_factory.mktemp("google"), storage, monkeypatch) as double:
        yield double


@pytest.fixture
def vertex(google: GoogleDouble) -> Vertex:
    """The double's Vertex AI."""
    return google.service(Vertex)


@pytest.fixture
def job_dir(google: GoogleDouble, storage: str) -> str:
    """A folder in a new bucket."""
    return new_job_dir(google, storage)


@pytest.fixture
def make(google: GoogleDouble, job_dir: str) -> Make:
    """Return what makes a backend that leads to the double."""
    from zenml_gcp.vertex.single_gpu import SingleGPUTrainingGCAIPBackend

    def make(kind: type[Any] = SingleGPUTrainingGCAIPBackend, **options: Any) -> Any:
        return kind(**{"project": PROJECT, "job_dir": job_dir, "endpoint_url": google.url, **options})

    return make
