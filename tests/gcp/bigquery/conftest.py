"""BigQuery, on the loopback."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the tests' own modules lie
sys.path.insert(0, str(Path(__file__).parent))

from bigquery_double import World
from bigquery_double.world import real_table

from zenml.artifacts import retrying
from zenml.backends.interfaces import ProcessingBackend
from zenml.data.snapshot import Snapshot
from zenml.datasources import BigQueryDatasource
from zenml.testing.processing_backend import run_step
from zenml_gcp.bigquery import streams

Read = Callable[..., Snapshot]


@pytest.fixture
def bigquery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A warehouse with the penguins, and clients that find it; nothing pauses."""
    monkeypatch.setattr(retrying, "_FIRST_PAUSE", 0.0)
    monkeypatch.setattr(streams, "PAUSE", 0.0)
    with World(tmp_path) as world:
        for name, value in world.environment.items():
            monkeypatch.setenv(name, value)
        world.warehouse.put("birds.zoo.penguins", real_table("penguins"))
        yield world
    assert world.google.defects == []


@pytest.fixture
def read(bigquery: World, tmp_path: Path) -> Read:
    """Return what reads a datasource, in this process or on an engine."""
    count = iter(range(1000))

    def run(source: BigQueryDatasource, engine: ProcessingBackend | None = None) -> Snapshot:
        outputs = run_step(source, {}, tmp_path / f"read{next(count)}", engine)
        return Snapshot.of(outputs.artifacts["examples"])

    return run
