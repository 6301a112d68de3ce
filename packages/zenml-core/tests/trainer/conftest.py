from __future__ import annotations

import importlib
from pathlib import Path

import pytest


@pytest.fixture
def tiny(monkeypatch):
    """The module `tiny_trainer`, importable by name as a user's own module is."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return importlib.import_module("tiny_trainer")


@pytest.fixture
def bench(tiny, tmp_path):
    return tiny.Workbench(tmp_path / "bench")
