"""Fixtures for every test: a folder, a home and a cache of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty repository as the working directory; modules that a test makes in it are forgotten afterwards."""
    folder = tmp_path / "project"
    (folder / ".zenml").mkdir(parents=True)
    monkeypatch.chdir(folder)
    path, modules = list(sys.path), set(sys.modules)
    yield folder
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if str(folder) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture
def diabetes() -> Path:
    """The Pima diabetes table: 632 rows, 7 numeric features with missing cells, one label."""
    return ROOT / "examples" / "quickstart" / "data" / "diabetes.csv"
