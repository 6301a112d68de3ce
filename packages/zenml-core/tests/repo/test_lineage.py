from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from zenml.cli.artifact import artifact
from zenml.datasources import CSVDatasource
from zenml.errors import ConfigError
from zenml.metadata.store import MetadataStore
from zenml.pipelines import DataPipeline
from zenml.repo import Repository
from zenml.repo.lineage import Lineage, LineageStep
from zenml.runtime.run import Run
from zenml.steps.preprocesser import StandardPreprocesser
from zenml.steps.split import NoSplit, RandomSplit


def run(split: NoSplit | RandomSplit, name: str = "Table") -> Run:
    pipeline = DataPipeline(name=name)
    pipeline.add_datasource(CSVDatasource(name="Table", path="table.csv"))
    pipeline.add_step(split, id="split")
    return pipeline.add_step(StandardPreprocesser(features=["a"], labels=["c"]), id="preprocesser").run()


@pytest.fixture
def runs(project: Path) -> Mapping[str, Run]:
    """One run, the same again from the cache, and one that goes another way after the data."""
    (project / "table.csv").write_text("a,b,c\n" + "1,x,0\n2,y,1\n3,z,0\n" * 20)
    return {
        "first": run(NoSplit()),
        "again": run(NoSplit(), "Again"),
        "other": run(RandomSplit(split_map={"train": 0.5, "eval": 0.5})),
    }


@pytest.fixture
def repo(runs: Mapping[str, Run]) -> Repository:
    return Repository.get_instance()


def uri(runs: Mapping[str, Run], step: str, output: str = "examples", of: str = "first") -> str:
    return runs[of].steps[step].outputs[output].uri


def told(steps: tuple[LineageStep, ...]) -> list[tuple[int, str, str]]:
    return [(step.distance, step.record.id, step.run) for step in steps]


def test_an_artifact_in_the_middle_is_followed_both_ways(repo: Repository, runs: Mapping[str, Run]) -> None:
    first, again = runs["first"].id, runs["again"].id
    found = repo.get_lineage(uri(runs, "split"))
    assert told(found.upstream) == [(-2, "data", first), (-1, "split", first)]
    assert told(found.downstream) == [(1, "preprocesser", first)]
    assert found.downstream[0].runs == (again, first)
    assert found.downstream[0].pipeline == "Table"
    assert found.artifact.type == "Examples"
    assert [step.record.id for step in found.steps] == ["data", "split", "preprocesser"]


def test_the_data_lead_to_every_run_that_used_them(repo: Repository, runs: Mapping[str, Run]) -> None:
    first, other = runs["first"].id, runs["other"].id
    found = repo.get_lineage(uri(runs, "data"))
    assert told(found.upstream) == [(-1, "data", first)]
    assert found.upstream[0].runs == (other, runs["again"].id, first)
    assert set(told(found.downstream)) == {
        (1, "split", first),
        (1, "split", other),
        (2, "preprocesser", first),
        (2, "preprocesser", other),
    }


def test_what_a_model_was_made_from_is_no_other_runs(repo: Repository, runs: Mapping[str, Run]) -> None:
    found = repo.get_lineage(uri(runs, "preprocesser", of="other"))
    assert [step.run for step in found.upstream] == [runs["first"].id, runs["other"].id, runs["other"].id]
    assert found.downstream == ()


def test_a_step_that_failed_on_it_read_it_too(
    repo: Repository, runs: Mapping[str, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(RandomSplit, "run", fail)
    with pytest.raises(Exception, match="no"):
        run(RandomSplit(split_map={"train": 0.4, "eval": 0.6}))
    last = repo.get_lineage(uri(runs, "data")).downstream[0]
    assert (last.record.id, str(last.record.state), last.record.outputs) == ("split", "FAILED", ())


def test_a_path_may_be_relative_or_a_url(repo: Repository, runs: Mapping[str, Run]) -> None:
    path = uri(runs, "split")
    relative = str(Path(path).relative_to(Path.cwd()))
    expected = repo.get_lineage(path)
    assert [repo.get_lineage(text) for text in (f"{path}/", f"file://{path}", relative)] == [expected] * 3


def test_what_no_run_refers_to_is_told(repo: Repository) -> None:
    for text in ("gs://bucket/Examples/x/y", "nothing"):
        with pytest.raises(ConfigError, match="zenml step get"):
            repo.get_lineage(text)


def test_a_store_without_a_query_of_its_own_answers_alike(repo: Repository, runs: Mapping[str, Run]) -> None:
    metadata, uris = repo.metadata_store, [uri(runs, "split"), uri(runs, "split", of="other"), "nowhere"]
    expected = MetadataStore.list_steps_with(metadata, uris)
    assert sorted(metadata.list_steps_with(uris), key=repr) == sorted(expected, key=repr)
    assert len(expected) == 6
    assert metadata.list_steps_with([]) == []


def test_the_command_prints_a_table_and_json(repo: Repository, runs: Mapping[str, Run]) -> None:
    shown = CliRunner().invoke(artifact, ["lineage", uri(runs, "split")])
    assert shown.exit_code == 0, shown.output
    lines = " ".join(shown.output.split())
    assert lines.startswith("Examples ")
    assert all(text in lines for text in ("2 steps before", "made it", "read it"))
    row = json.loads(CliRunner().invoke(artifact, ["lineage", uri(runs, "split"), "--json"]).output)
    assert row["artifact"]["uri"] == uri(runs, "split")
    assert [step["step"] for step in row["upstream"]] == ["data", "split"]
    assert row["downstream"][0]["inputs"][0]["uri"] == uri(runs, "split")
    assert len(repr(repo.get_lineage(uri(runs, "split"))).splitlines()) == 5


def test_it_is_a_data_frame(repo: Repository, runs: Mapping[str, Run]) -> None:
    pytest.importorskip("pandas")
    found: Lineage = repo.get_lineage(uri(runs, "split"))
    assert list(found.to_pandas()["step"]) == ["data", "split", "preprocesser"]
