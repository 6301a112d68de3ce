from __future__ import annotations

import importlib
from pathlib import Path

import pytest

FEATURES = ["age", "weight", "island", "sex"]


@pytest.fixture
def tiny(monkeypatch):
    """The module `tiny_trainer`, importable by name as a user's own module is."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "trainer"))
    return importlib.import_module("tiny_trainer")


@pytest.fixture
def bench(tiny, tmp_path):
    return tiny.Workbench(tmp_path / "bench")


@pytest.fixture
def trained(tiny, bench):
    """Return a function that trains on labels and gives the inputs of an evaluator."""

    def train(*labels: str, text: str = "", **config):
        inputs = bench.prepare(text or tiny.table(), features=config.pop("features", FEATURES), labels=labels, **config)
        raw = inputs.pop("raw")
        return {"examples": raw, **bench.run(tiny.TinyTrainer(), **inputs)}

    return train
