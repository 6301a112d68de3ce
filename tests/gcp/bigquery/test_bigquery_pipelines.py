"""Pipelines on BigQuery: from a table to a trained model, and what is cached."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bigquery_double import Break, World
from bigquery_double.world import real_table

from zenml.backends.processing import ProcessingBaseBackend
from zenml.cli.main import run as zenml
from zenml.datasources import BigQueryDatasource
from zenml.errors import RunFailed
from zenml.pipelines import TrainingPipeline
from zenml.runtime.run import Run
from zenml.steps.evaluator import AgnosticEvaluator
from zenml.steps.preprocesser import StandardPreprocesser
from zenml.steps.split import RandomSplit
from zenml.steps.trainer import SklearnTrainer

FEATURES = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "island"]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "project" / ".zenml").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project")


def pipeline(**config: Any) -> TrainingPipeline:
    given = {"table": "penguins", "dataset": "zoo", **config}
    made = TrainingPipeline("Penguins")
    made.add_datasource(BigQueryDatasource(name="penguins", project="birds", **given))
    made.add_split(RandomSplit(split_map={"train": 0.7, "eval": 0.3}))
    made.add_preprocesser(StandardPreprocesser(features=FEATURES, labels=["species"]))
    made.add_trainer(SklearnTrainer(estimator="LogisticRegression"))
    made.add_evaluator(AgnosticEvaluator())
    return made


def states(run: Run) -> dict[str, str]:
    return {name: str(step.state) for name, step in run.steps.items()}


def digests(run: Run) -> dict[str, str]:
    return {f"{name}.{out}": row.digest for name, step in run.steps.items() for out, row in step.outputs.items()}


def test_a_model_is_trained_on_a_table_and_served_from_the_cache_until_it_changes(bigquery: World) -> None:
    bigquery.storage.breaks = [Break("unavailable", 20)]
    first = pipeline().run()
    assert set(states(first).values()) == {"COMPLETE"}
    assert first.metrics["accuracy"] > 0.9
    assert set(states(pipeline().run()).values()) == {"CACHED"}
    assert len(bigquery.storage.sessions) == 1
    # The same rows in another order are the same version, so only the table is read again.
    table = real_table("penguins")
    bigquery.warehouse.put("birds.zoo.penguins", table.take(list(reversed(range(344)))), hours_ago=1)
    again = pipeline().run()
    assert states(again) == {name: "COMPLETE" if name == "data" else "CACHED" for name in states(first)}
    assert digests(again) == digests(first)
    bigquery.warehouse.put("birds.zoo.penguins", table.slice(10), hours_ago=0.5)
    assert set(states(pipeline().run()).values()) == {"COMPLETE"}


def test_a_query_gives_the_model_that_its_table_gives(bigquery: World) -> None:
    by_table = pipeline().run()
    source = pipeline(table=None, query="SELECT * FROM `penguins` ORDER BY year, body_mass_g", refresh="never")
    by_query = source.run()
    assert digests(by_query) == digests(by_table)
    assert by_query.metrics == by_table.metrics
    assert set(states(source.run()).values()) == {"CACHED"}


def test_workers_give_what_one_process_gives(bigquery: World) -> None:
    bigquery.storage.streams = 6
    first = pipeline().run()
    many = pipeline()
    many.steps["data"].with_backend(ProcessingBaseBackend(workers=2)).with_cache(False)
    run = many.run()
    assert states(run)["data"] == "COMPLETE"
    assert len(bigquery.storage.sessions) == 2
    assert digests(run) == digests(first)


def test_a_pipeline_file_gives_the_same(bigquery: World, capsys: pytest.CaptureFixture[str]) -> None:
    first = pipeline(columns=[*FEATURES, "species"], row_filter="year > 2007")
    run = first.run()
    first.to_yaml("pipeline.yaml")
    capsys.readouterr()
    assert zenml(["pipeline", "run", "pipeline.yaml", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["steps"]
    assert {row["state"] for row in found} == {"CACHED"}
    assert {f"{row['id']}.{out['name']}": out["digest"] for row in found for out in row["outputs"]} == digests(run)


def test_a_run_that_cannot_read_fails_with_what_is_wrong(bigquery: World) -> None:
    with pytest.raises(RunFailed, match=r"there is no table 'pinguins' in dataset birds.zoo. Did you mean penguins\?"):
        pipeline(table="pinguins").run()
