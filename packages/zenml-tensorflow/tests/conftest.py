from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

LACKS = next((name for name in ("zenml_tensorflow", "zenml_sklearn") if importlib.util.find_spec(name) is None), None)


class Skipped(pytest.Module):
    """A module of tests that is not imported."""

    def collect(self):
        assert LACKS
        pytest.skip(f"{LACKS.replace('_', '-')} is not installed: run nox -s frameworks", allow_module_level=True)


def pytest_pycollect_makemodule(module_path, parent):
    return Skipped.from_parent(parent, path=module_path) if LACKS else None


def load(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


steps_by_hand = load(Path(__file__).parents[2] / "zenml-sklearn" / "tests" / "conftest.py", "steps_by_hand")
animals, diabetes = steps_by_hand.animals, steps_by_hand.diabetes


@pytest.fixture(scope="session")
def make_bench():
    """Make what runs steps one by one in folders of their own, below a folder."""
    return steps_by_hand.Workbench


@pytest.fixture
def bench(make_bench, tmp_path):
    return make_bench(tmp_path / "bench")


@pytest.fixture(scope="session")
def own_trainers():
    """The module `own_trainers`, importable by name as a user's own module is."""
    sys.path.insert(0, str(Path(__file__).parent))
    yield importlib.import_module("own_trainers")
    sys.path.remove(str(Path(__file__).parent))
