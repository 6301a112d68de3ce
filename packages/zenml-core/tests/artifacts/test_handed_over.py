from __future__ import annotations

import json
from pathlib import Path

import pytest

from zenml.artifacts.handed_over import VARIABLE, environment, store_at
from zenml.artifacts.store import ArtifactStore
from zenml.spec.model import ComponentSpec


def test_a_path_is_all_that_a_plain_store_needs(tmp_path: Path) -> None:
    assert environment(ArtifactStore(tmp_path)) == {}
    assert store_at(str(tmp_path)) == ArtifactStore(tmp_path)


def test_the_options_of_a_store_are_found_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "store_with_option.py").write_text(
        "from zenml.artifacts.store import ArtifactStore\n\n\nclass Store(ArtifactStore):\n    region: str = ''\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    block = ComponentSpec(type="store_with_option:Store", config={"path": str(tmp_path), "region": "north"})
    store = ArtifactStore.from_spec(block)
    for name, value in environment(store).items():
        monkeypatch.setenv(name, value)
    assert store_at(f"{tmp_path}/") == store
    assert store_at("elsewhere") == ArtifactStore("elsewhere")


def test_a_store_with_options_that_is_no_class_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, json.dumps({"type": "zenml.artifacts.types:Model", "config": {"path": "x"}}))
    with pytest.raises(Exception, match="is not a ArtifactStore"):
        store_at("x")
