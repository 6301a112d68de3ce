"""Commit, split and preprocess one table on every engine: each file of each artifact has the same bytes.

`ZENML_ENGINE_ROWS=336776` tests the whole table; `-s` then shows how long each engine took.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from zenml.backends.interfaces import ProcessingBackend
from zenml.testing.processing_backend import StepOutputs, run_data_steps

ROWS = int(os.environ.get("ZENML_ENGINE_ROWS", "40000"))
pytestmark = pytest.mark.xdist_group("spark")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory, _shared_modules: None) -> str:
    from flights_like import write_flights

    return write_flights(tmp_path_factory.mktemp("flights") / "data", rows=ROWS, files=4)


@pytest.fixture(scope="module")
def here(table: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, StepOutputs]:
    """What work in this process gives."""
    return timed("in process", table, tmp_path_factory.mktemp("here"), None)


@pytest.mark.parametrize("engine", ["workers", "hostile", "beam", "spark"], indirect=True)
def test_an_engine_changes_no_byte(
    engine: ProcessingBackend, table: str, here: dict[str, StepOutputs], tmp_path: Path
) -> None:
    there = timed(type(engine).__name__, table, tmp_path, engine)
    examples = here["data"].artifacts["examples"]
    assert sum(examples.properties["splits"]["all"]["shards"]) == ROWS
    assert len(examples.properties["splits"]["all"]["shards"]) >= 4
    for step, expected in here.items():
        assert there[step].files() == expected.files(), step
        assert there[step].properties == expected.properties, step


def timed(name: str, table: str, folder: Path, engine: ProcessingBackend | None) -> dict[str, StepOutputs]:
    from flights_like import preprocesser

    began = time.monotonic()
    outputs = run_data_steps(table, folder, engine, preprocesser())
    print(f"\n{ROWS} rows, {name}: {time.monotonic() - began:.1f} s")
    return outputs
