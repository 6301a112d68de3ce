from __future__ import annotations

import importlib.util

import pytest


@pytest.fixture(autouse=True, scope="session")
def _library() -> None:
    if importlib.util.find_spec("ml_metadata") is None:
        pytest.skip("ml-metadata is not installed, which has wheels for CPython 3.11 only: run nox -s mlmd")
