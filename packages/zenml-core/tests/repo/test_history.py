from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from zenml.datasources import CSVDatasource
from zenml.errors import ConfigError, PluginError
from zenml.pipelines import DataPipeline, TrainingPipeline
from zenml.repo import Repository


@pytest.fixture
def repo(runs: Mapping[str, str]) -> Repository:
    return Repository.get_instance()


def test_pipelines_are_listed_and_loaded(repo: Repository, runs: Mapping[str, str]) -> None:
    found = repo.get_pipelines()
    assert [(row.name, row.runs, row.last_run, row.state) for row in found] == [
        ("Guess", 2, runs["second"], "COMPLETE"),
        ("Another", 1, runs["other"], "COMPLETE"),
        ("Data only", 1, runs["data"], "COMPLETE"),
    ]
    assert isinstance(found[0].load(), TrainingPipeline)
    assert isinstance(found[-1].load(), DataPipeline)
    assert found[0].load().get_hyperparameters()["guess"] == 0.75
    assert repo.get_pipeline_by_name("Another") == found[1].load()
    assert [row["name"] for row in found[1:].to_json()] == ["Another", "Data only"]


def test_a_pipeline_whose_class_is_gone_does_not_hide_the_others(repo: Repository) -> None:
    (repo.root / "guess.py").write_text("")
    sys.modules.pop("guess")
    assert len(repo.get_pipelines()) == 3
    with pytest.raises(PluginError, match="GuessTrainer"):
        repo.get_pipelines()[0].load()


def test_datasources_are_listed(repo: Repository) -> None:
    (row,) = repo.get_datasources()
    assert (row.name, row.type, row.pipelines) == ("Table", "CSVDatasource", ("Data only", "Another", "Guess"))
    assert repr(repo.get_datasources()).splitlines()[1].split()[:2] == ["Table", "CSVDatasource"]


def test_steps_of_a_type_are_listed_newest_first(repo: Repository, runs: Mapping[str, str]) -> None:
    found = repo.get_steps_by_type(CSVDatasource)
    assert found == repo.get_steps_by_type("CSVDatasource")
    assert [step.run for step in found] == [runs[name] for name in ("data", "other", "second", "first")]
    assert {step.config["path"] for step in found} == {"table.csv"}
    assert [str(step.record.state) for step in found] == ["CACHED", "CACHED", "CACHED", "COMPLETE"]
    assert [step.id for step in repo.get_steps_by_type("guess:GuessTrainer", limit=1)] == ["trainer"]
    row = found.to_json()[0]
    assert (row["pipeline"], row["state"], row["id"]) == ("Data only", "CACHED", "data")


def test_a_type_that_nobody_offers_is_told(repo: Repository) -> None:
    assert len(repo.get_steps_by_type("NoSplit")) == 0
    assert len(repo.get_steps_by_type("gone:Step")) == 0
    with pytest.raises(PluginError, match="Did you mean CSVDatasource"):
        repo.get_steps_by_type("CSVDatasourc")


def test_hyperparameters_stand_beside_what_came_of_them(repo: Repository, runs: Mapping[str, str]) -> None:
    found = repo.get_hyperparameters()
    assert [(step.run, step.config.get("guess"), step.record.metrics["auc"]) for step in found] == [
        (runs["other"], 0.6, 0.6),
        (runs["second"], 0.75, 0.75),
        (runs["first"], 0.5, 0.5),
    ]
    lines = repr(repo.get_hyperparameters("Guess")).splitlines()
    assert lines[0].split() == ["Run", "Pipeline", "Trainer", "Guess", "metrics.auc"]
    assert lines[1].split() == [runs["second"], "Guess", "guess:GuessTrainer", "0.75", "0.75"]
    with pytest.raises(ConfigError, match="Did you mean Guess"):
        repo.get_hyperparameters("Gues")


def test_a_listing_prints_in_a_terminal_and_a_notebook(repo: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    repo.get_pipelines().print()
    assert "Another" in capsys.readouterr().out
    assert '<td style="text-align:left">Another</td>' in repo.get_pipelines()._repr_html_()


def test_an_empty_repository_says_so(project: Path) -> None:
    repo = Repository.get_instance()
    listings = [repo.get_pipelines(), repo.get_datasources(), repo.get_hyperparameters()]
    assert [repr(row) for row in listings] == [row._repr_html_() for row in listings]
    assert repr(listings[0]) == "No pipeline has run here yet"
    assert listings[0] != []
    assert not listings[0]


def test_a_listing_is_a_data_frame(repo: Repository) -> None:
    pytest.importorskip("pandas")
    frame = repo.get_hyperparameters().to_pandas()
    assert list(frame["guess"]) == [0.6, 0.75, 0.5]
    assert repo.get_pipelines().to_pandas()["runs"].sum() == 4
