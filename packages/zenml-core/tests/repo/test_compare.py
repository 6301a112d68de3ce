from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from zenml.cli.compare import compare
from zenml.errors import ConfigError
from zenml.repo import Repository


def ids(comparison: Any) -> list[str]:
    return [run.id for run in comparison]


def test_training_runs_are_compared_newest_first(runs: Mapping[str, str]) -> None:
    repo = Repository.get_instance()
    found = repo.compare_training_runs()
    assert ids(found) == [runs["other"], runs["second"], runs["first"]]
    assert [run.metrics["auc"] for run in found] == [0.6, 0.75, 0.5]
    assert "trainer.guess" in found.differing
    assert ids(repo.compare_training_runs(limit=1)) == [runs["other"]]
    assert ids(repo.compare_training_runs(pipeline="Guess")) == [runs["second"], runs["first"]]
    assert ids(repo.compare_training_runs(pipeline="Data only")) == [runs["data"]]
    assert ids(repo.compare_training_runs([runs["first"], runs["data"], runs["first"]])) == [
        runs["data"],
        runs["first"],
    ]


def test_what_is_not_there_is_told(runs: Mapping[str, str]) -> None:
    with pytest.raises(ConfigError, match="there is no run"):
        Repository.get_instance().compare_training_runs(["rnone"])
    with pytest.raises(ConfigError, match="Did you mean Guess"):
        Repository.get_instance().compare_training_runs(pipeline="Gues")


def test_the_command_prints_a_table_json_and_a_page(runs: Mapping[str, str]) -> None:
    shown = CliRunner().invoke(compare, ["--pipeline", "Guess", "--html", "out/page.html"])
    assert shown.exit_code == 0, shown.output
    assert runs["first"] in shown.output
    assert "Written to out/page.html" in shown.output
    assert runs["second"] in Path("out/page.html").read_text()
    row = json.loads(CliRunner().invoke(compare, [runs["first"], runs["second"], "--json"]).output)
    assert row["differing"] == ["trainer.guess"]
    assert row["best"] == {"auc": runs["second"]}
    assert CliRunner().invoke(compare, [runs["first"], "--pipeline", "Guess"]).exit_code == 2
