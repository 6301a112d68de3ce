"""Fixtures for every test: a folder, a home and a cache of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parent

# Busy machines make any example slow: time says nothing about being right.
settings.register_profile("zenml", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("zenml")


@pytest.fixture(autouse=True)
def _forget_secrets() -> Iterator[None]:
    """Let no secret of one test be hidden in what another one prints."""
    yield
    from zenml.secrets.redaction import forget

    forget()


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
