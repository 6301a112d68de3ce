from __future__ import annotations

import json
from pathlib import Path

import pytest

from zenml.artifacts.read_cache import FOLDER_VARIABLE
from zenml.cli.main import run


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = run(list(words))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))


def test_a_url_is_kept_once_it_was_tried(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"local://{project}/far"
    code, out, err = call(capsys, "config", "artifacts", "set", url)
    assert (code, out, err) == (0, f"Artifacts are kept at {url}\n", "")
    assert json.loads(call(capsys, "config", "artifacts", "get", "--json")[1]) == {"artifact_store": url}
    assert call(capsys, "config", "artifacts", "get")[1] == f"{url}\n"


def test_a_place_that_cannot_be_written_is_not_kept(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "file").write_text("")
    for place in ("file", f"local://{project}/file"):
        code, _, err = call(capsys, "config", "artifacts", "set", place)
        assert code == 1
        assert "file" in err
        assert "Traceback" not in err
    assert call(capsys, "config", "artifacts", "get")[1].strip().endswith("artifacts")


def test_the_cache_is_shown_limited_and_cleared(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "config", "artifacts", "cache", "--size", "1.5 GB", "--clear")[0] == 0
    shown = json.loads(call(capsys, "config", "artifacts", "cache", "--json")[1])
    assert shown == {"path": str(project.parent / "cache"), "size": 0, "limit": 1_500_000_000}
    assert "0.00 GB of at most 1.50 GB" in call(capsys, "config", "artifacts", "cache")[1]
