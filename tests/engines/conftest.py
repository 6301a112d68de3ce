"""Makes the shared modules of these tests importable, here and in the workers that they start; gives their cases."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from zenml.backends.interfaces import ProcessingBackend
from zenml.backends.processing import ProcessingBaseBackend
from zenml.data.shuffle import partition
from zenml.data.shuffle import sorted as sorted_
from zenml.runtime.worker_pool import POOL
from zenml.testing.hostile import HostileProcessingBackend

if TYPE_CHECKING:
    from data_steps import Cases

HERE = Path(__file__).parent


@pytest.fixture(autouse=True, scope="session")
def _shared_modules() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.syspath_prepend(HERE)
        yield


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test that takes a `case`, and names none itself, every data step in turn."""
    named = any("case" in str(mark.args[0]).split(",") for mark in metafunc.definition.iter_markers("parametrize"))
    if "case" in metafunc.fixturenames and not named:
        with pytest.MonkeyPatch.context() as monkeypatch:
            monkeypatch.syspath_prepend(HERE)
            from data_steps import Cases
        metafunc.parametrize("case", Cases.NAMES)


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory, _shared_modules: None) -> Iterator[Cases]:
    """The data steps, on sources that are written once; data so small are shuffled, and sorted in several runs, too."""
    from data_steps import Cases

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(partition, "PARTITION_BYTES", 8_000)
        monkeypatch.setattr(sorted_, "SORT_BYTES", 2_000)
        yield Cases(tmp_path_factory.mktemp("cases"))
    POOL.close()


@pytest.fixture(scope="module")
def engine(request: pytest.FixtureRequest) -> Iterator[ProcessingBackend]:
    """The engine that a test names, if it can run here."""
    if request.param == "workers":
        yield ProcessingBaseBackend(workers=2)
        POOL.close()
    elif request.param == "hostile":
        yield HostileProcessingBackend(seed=5, processes=1)
    elif request.param == "beam":
        _need("apache_beam", "zenml-beam")
        from zenml.backends.processing import ProcessingBeamBackend

        yield ProcessingBeamBackend()
    else:
        _need("pyspark", "zenml-spark")
        from zenml.backends.processing import ProcessingSparkBackend
        from zenml_spark.java import java_problem
        from zenml_spark.session import SPARK

        problem = java_problem()
        if problem:
            pytest.skip(str(problem))
        yield ProcessingSparkBackend(master="local[2]")
        SPARK.close()


def _need(module: str, distribution: str) -> None:
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed. Run: pip install {distribution}")


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    """A folder in which every death leaves a file."""
    folder = tmp_path / "marks"
    folder.mkdir()
    return folder
