from __future__ import annotations

import importlib.util

import pytest


@pytest.fixture(autouse=True, scope="session")
def _beam() -> None:
    if importlib.util.find_spec("apache_beam") is None:
        pytest.skip("Apache Beam is not installed. Run: pip install zenml-beam")
