from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def models() -> ModuleType:
    """The module `small_models.py`, which is also run as a script."""
    spec = importlib.util.spec_from_file_location("small_models", Path(__file__).with_name("small_models.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def sklearn_estimators() -> dict[str, tuple[str, type]]:
    """Kind and class of every classifier and regressor, as scikit-learn lists them."""
    from sklearn.utils import all_estimators

    return {name: (kind, cls) for kind in ("classifier", "regressor") for name, cls in all_estimators(type_filter=kind)}
