"""Fixtures of the tests of pipelines."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from zenml.cli.main import run as run_command

HERE = Path(__file__).parent


@pytest.fixture
def steps(project: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module of steps, as a part of the repository, so that it travels with the package."""
    shutil.copy(HERE / "steps_for_tests.py", project)
    monkeypatch.syspath_prepend(project)
    import steps_for_tests

    return steps_for_tests


@pytest.fixture
def git() -> Callable[..., str]:
    """Runs git in a folder; returns what it says."""

    def run(folder: Path, *words: str) -> str:
        user = ("-c", "user.name=n", "-c", "user.email=e@example.com")
        done = subprocess.run(["git", "-C", str(folder), *user, *words], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    return run


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Runs a command; returns its exit code and what it prints: on standard error too, but where JSON is asked for."""

    def run(*words: str) -> tuple[int, str]:
        capsys.readouterr()
        code = run_command(list(words))
        told = capsys.readouterr()
        if code:
            return code, told.err
        return code, told.out if "--json" in words else told.out + told.err

    return run
