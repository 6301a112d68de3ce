"""Fixtures of the tests of pipelines."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent


@pytest.fixture
def steps(project: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module of steps, as a part of the repository, so that it travels with the package."""
    shutil.copy(HERE / "steps_for_tests.py", project)
    monkeypatch.syspath_prepend(project)
    import steps_for_tests

    return steps_for_tests
