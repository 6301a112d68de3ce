"""Who shares runs, but keeps artifacts elsewhere, is told which store holds those of a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from zenml.artifacts.elsewhere import how_to_reach, store_of
from zenml.cli.main import run
from zenml.errors import StoreError
from zenml.repo import Repository

SPEC = """
zenml: 1
name: Shared
type: Pipeline
steps:
  - {id: data, type: CSVDatasource, config: {name: Table, path: table.csv}}
  - {id: split, type: RandomSplit, config: {split_map: {train: 0.5, eval: 0.5}}}
  - {id: talk, type: "talk:Talk"}
"""
STEP = """
import os
from typing import ClassVar
from zenml.artifacts.types import Evaluation, Examples
from zenml.steps import Step


class Talk(Step):
    inputs: ClassVar = {"examples": Examples}
    outputs: ClassVar = {"said": Evaluation}

    def run(self, context):
        print("a word of the step")
        if "TALK_FAILS" in os.environ:
            raise ValueError("no more words")
"""


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    capsys.readouterr()
    code = run(list(words))
    out, err = capsys.readouterr()
    return code, err if code else out


@pytest.fixture
def failed(project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """The id of a run that failed in its last step, after which another store was chosen."""
    (project / "table.csv").write_text("a,b\n" + "1,x\n2,y\n" * 10)
    (project / "shared.yaml").write_text(SPEC)
    (project / "talk.py").write_text(STEP)
    monkeypatch.setenv("TALK_FAILS", "1")
    assert call(capsys, "pipeline", "run", "shared.yaml")[0] == 1
    monkeypatch.delenv("TALK_FAILS")
    assert call(capsys, "config", "artifacts", "set", "mine")[0] == 0
    return Repository.get_instance().get_runs()[0].id


def test_what_another_store_holds_is_looked_at_there(
    failed: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs, mine = project / ".zenml/artifacts", project / "mine"
    assert "a word of the step" in call(capsys, "run", "logs", failed, "talk")[1]
    output = Repository.get_instance().get_run(failed).steps["split"].outputs["examples"]
    assert output.path.is_relative_to(theirs)
    assert "elsewhere" in call(capsys, "datasource", "versions", "Table")[1]
    code, said = call(capsys, "datasource", "sample", "Table")
    assert (code, f"Use that store: zenml config artifacts set {theirs}" in said) == (1, True)
    found = json.loads(call(capsys, "run", "reproduce", failed, "--compare", "--json")[1])
    assert found["differences"] == [{"what": "artifact store", "then": str(theirs), "now": str(mine)}]
    assert json.loads(call(capsys, "run", "resume", failed, "--json")[1])["state"] == "COMPLETE"
    assert not list(mine.rglob("*"))
    assert call(capsys, "config", "artifacts", "set", str(theirs))[0] == 0
    assert "elsewhere" not in call(capsys, "datasource", "versions", "Table")[1]


def test_what_needs_artifacts_that_cannot_be_reached_names_their_store(
    failed: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs, mine = project / ".zenml/artifacts", project / "mine"
    theirs.rename(project / "gone")
    code, said = call(capsys, "run", "logs", failed)
    assert code == 1
    what = f"Error: run {failed}: its logs are in the artifact store {theirs}, and the one used here is {mine}. "
    assert said == f"{what}{how_to_reach(str(theirs))}\n"
    code, said = call(capsys, "run", "resume", failed)
    assert code == 2
    what = f"Error: run {failed} keeps its artifacts at {theirs}, and here they are kept at {mine}. "
    assert said == f"{what}{how_to_reach(str(theirs))}\n"
    output = Repository.get_instance().get_run(failed).steps["split"].outputs["examples"]
    with pytest.raises(StoreError, match=f"not in the artifact store {mine}. That folder is on another machine"):
        print(output.path)


def test_what_needs_none_goes_on(failed: str, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (("run", "get", failed), ("run", "list"), ("pipeline", "compare"), ("datasource", "list")):
        assert call(capsys, *words)[0] == 0, words
    ran = json.loads(call(capsys, "pipeline", "run", "shared.yaml", "--json")[1])
    assert [step["state"] for step in ran["steps"]] == ["COMPLETE"] * 3


def test_a_folder_of_another_machine_cannot_be_chosen(
    failed: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / ".zenml/artifacts").rename(project / "gone")
    code, said = call(capsys, "run", "logs", failed)
    assert code == 1
    assert "That folder is on another machine, or not for you to read." in said
    assert said.endswith("zenml config artifacts set URL, before the run\n")


@pytest.mark.parametrize(
    ("uri", "store"),
    [
        ("s3://bucket/dir/Model/f00d/r1.trainer.1", "s3://bucket/dir"),
        ("gs://bucket/Model/f00d/r1.trainer.1", "gs://bucket"),
        ("/home/anna/.zenml/artifacts/Model/f00d/r1.trainer.1", "/home/anna/.zenml/artifacts"),
        ("nothing/such", ""),
    ],
)
def test_a_store_is_known_by_what_it_holds(uri: str, store: str) -> None:
    assert store_of(uri) == store


def test_a_url_can_be_chosen_anywhere() -> None:
    assert how_to_reach("s3://bucket/dir") == "Use that store: zenml config artifacts set s3://bucket/dir"
    assert how_to_reach("file://elsewhere/dir").startswith("That folder is on another machine")
