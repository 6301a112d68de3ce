"""Makes the shared modules of these tests importable, here and in the workers that they start; gives their cases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from zenml.data.shuffle import partition
from zenml.data.shuffle import sorted as sorted_
from zenml.runtime.worker_pool import POOL

if TYPE_CHECKING:
    from data_steps import Cases

HERE = Path(__file__).parent


@pytest.fixture(autouse=True, scope="session")
def _shared_modules() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.syspath_prepend(HERE)
        yield


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test with the parameter `case` every data step in turn."""
    if "case" in metafunc.fixturenames:
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


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    """A folder in which every death leaves a file."""
    folder = tmp_path / "marks"
    folder.mkdir()
    return folder
