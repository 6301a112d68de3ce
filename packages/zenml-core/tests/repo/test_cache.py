from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from zenml.cli.cache import cache
from zenml.datasources import CSVDatasource
from zenml.errors import ConfigError
from zenml.metadata.liveness import this_owner
from zenml.metadata.records import RunRecord, State, StepRecord
from zenml.pipelines import DataPipeline
from zenml.pipelines.repeating import reproduce, resume
from zenml.repo import Repository
from zenml.runtime.console import Console
from zenml.runtime.identifiers import new_run_id
from zenml.runtime.run import Run
from zenml.steps.split import NoSplit


def pipeline(name: str = "Table", **config: object) -> DataPipeline:
    built = DataPipeline(name=name)
    built.add_datasource(CSVDatasource(name="Table", path="table.csv", **config))  # type: ignore[arg-type] # options
    return built.add_step(NoSplit(), id="split")


@pytest.fixture
def repo(project: Path) -> Repository:
    (project / "table.csv").write_text("a,b\n" + "1,x\n2,y\n" * 10)
    return Repository.get_instance()


@pytest.fixture
def run(repo: Repository) -> Run:
    return pipeline().run()


def states(run: Run) -> dict[str, State]:
    return {name: step.state for name, step in run.steps.items()}


def call(*arguments: str, given: str = "") -> Result:
    return CliRunner().invoke(cache, [*arguments], input=given)


def listed(*options: str) -> list[tuple[str, str]]:
    return [(row["step"], row["pipeline"]) for row in json.loads(call("list", *options, "--json").output)]


MADE = {"data": State.COMPLETE, "split": State.COMPLETE}
SERVED = {"data": State.CACHED, "split": State.CACHED}


def test_each_result_is_listed_once_with_the_run_that_made_it(repo: Repository, run: Run) -> None:
    assert states(pipeline("Another").run()) == SERVED
    rows = json.loads(call("list", "--json").output)
    assert [(row["step"], row["type"], row["pipeline"], row["run"]) for row in rows] == [
        ("split", "NoSplit", "Table", run.id),
        ("data", "CSVDatasource", "Table", run.id),
    ]
    for row in rows:
        (output,) = run.steps[row["step"]].outputs.values()
        assert row["artifacts"][0]["uri"] == output.uri
        assert row["fingerprint"] == run.steps[row["step"]].record.fingerprint
        assert row["bytes"] == sum(
            file.stat().st_size for file in output.path.rglob("*") if file.is_file() and file.name != "manifest.json"
        )


def test_the_list_is_narrowed(repo: Repository, run: Run) -> None:
    assert states(pipeline("Served").run()) == SERVED
    pipeline("Other", types={"a": "float"}).run()
    assert len(listed()) == 4
    assert listed("--limit", "1") == [("split", "Other")]
    assert listed("--pipeline", "Other") == [("split", "Other"), ("data", "Other")]
    assert listed("--pipeline", "Served") == [("split", "Table"), ("data", "Table")]
    assert listed("--step", "split", "--pipeline", "Table") == [("split", "Table")]
    assert listed("--step", "NoSplit") == listed("--type", "NoSplit") == [("split", "Other"), ("split", "Table")]
    assert listed("--type", "split") == []
    assert repo.cache(type=NoSplit).find().to_json() == repo.cache(type="NoSplit").find().to_json()
    assert call("list", "--step", "nothing").output == "Runs would be served nothing like that\n"
    assert isinstance(call("list", "--pipeline", "Tabel").exception, ConfigError)


def test_the_table_fits_80_columns(repo: Repository, run: Run) -> None:
    lines = call("list").output.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[1].split() == ["Step", "Pipeline", "Run", "Finished", "Size"]
    assert run.id in lines[3]
    assert "kB" in lines[3]
    assert "split" in repr(repo.cache().find())


def test_what_is_gone_is_told(repo: Repository, run: Run) -> None:
    shutil.rmtree(run.steps["split"].outputs["examples"].path)
    rows = {row["step"]: row["bytes"] for row in json.loads(call("list", "--json").output)}
    assert rows["split"] is None
    assert rows["data"] > 0
    assert "gone" in call("list").output


def test_more_than_a_page_is_read(repo: Repository, run: Run) -> None:
    metadata = repo.metadata_store
    steps = tuple(StepRecord(f"s{number}", "T") for number in range(300))
    metadata.start_run(RunRecord(new_run_id(), "Wide", "", this_owner(), State.RUNNING, steps=steps))
    assert len(listed()) == 2
    assert len(listed("--step", "split")) == 1


def test_what_is_forgotten_is_made_anew(repo: Repository, run: Run) -> None:
    assert states(pipeline().run()) == SERVED
    assert repo.cache().forget() == 2
    assert listed() == []
    assert pipeline().plan().steps[0].reasons == ("what it published is gone, or was forgotten",)
    assert states(pipeline().run()) == MADE
    assert states(pipeline().run()) == SERVED
    for name, step in run.steps.items():
        assert all(output.path.exists() for output in step.outputs.values())
        assert step.record.forgotten, name


def test_a_pipeline_s_own_next_run_makes_what_others_made_for_it(repo: Repository, run: Run) -> None:
    assert states(pipeline("Served").run()) == SERVED
    assert repo.cache(pipeline="Served", step="data").forget() == 1
    assert states(pipeline("Served").run()) == {"data": State.COMPLETE, "split": State.CACHED}


def test_only_the_old_is_forgotten(repo: Repository, run: Run) -> None:
    assert repo.cache(older_than="30d").forget() == 0
    assert repo.cache(older_than="1h").forget() == 0
    assert repo.cache(older_than=0).forget() == 2
    with pytest.raises(ConfigError, match="older_than"):
        repo.cache(older_than="2 months")


def test_a_run_that_forgot_is_reproduced_and_compared(repo: Repository, run: Run) -> None:
    repo.cache().forget()
    quiet = Console(quiet=True)
    assert reproduce(run.id, repo.root, only_compare=True, report=quiet).differences == ()
    again = reproduce(run.id, repo.root, report=quiet)
    assert again.run is not None
    assert states(again.run) == MADE
    assert set(again.outputs.values()) == {True}


def test_a_run_goes_on_after_a_step_that_was_forgotten(repo: Repository, run: Run) -> None:
    metadata, going = repo.metadata_store, new_run_id()
    record = run.record
    steps = tuple(StepRecord(step.id, step.type) for step in record.steps)
    metadata.start_run(RunRecord(going, "Table", record.spec, this_owner(), facts=record.facts, steps=steps))
    data = record.steps[0]
    metadata.start_step(going, "data", attempt="1", fingerprint=data.fingerprint, inputs=[], facts={})
    metadata.publish_step(
        going, "data", state=State.COMPLETE, attempt="1", fingerprint=data.fingerprint,
        inputs=[], outputs=data.outputs, metrics={}, facts={},
    )  # fmt: skip
    assert repo.cache().forget() == 3
    metadata.end_run(going, state=State.FAILED)
    resumed = resume(going, repo.root, report=Console(quiet=True))
    assert resumed.state is State.COMPLETE
    assert resumed.record.steps[0].attempt == "1"


def test_the_command_tells_asks_and_forgets(repo: Repository, run: Run) -> None:
    dry = call("clear", "--all", "--dry-run")
    assert "2 steps would be forgotten" in dry.output
    assert run.id in dry.output
    declined = call("clear", "--step", "split", given="n\n")
    assert (declined.exit_code, "Forget 1 step?" in declined.output) == (1, True)
    assert len(listed()) == 2
    assert "1 step forgotten" in call("clear", "--step", "split", given="y\n").output
    assert listed() == [("data", "Table")]
    (row,) = json.loads(call("clear", "--pipeline", "Table", "--yes", "--json").output)
    assert (row["step"], row["forgotten"]) == ("data", True)
    assert call("clear", "--all").output == "Nothing to forget\n"
    assert json.loads(call("clear", "--older-than", "30d", "--json").output) == []


def test_a_long_list_is_told_in_short(repo: Repository, run: Run) -> None:
    metadata, many = repo.metadata_store, new_run_id()
    steps = tuple(StepRecord(f"s{number}", "T") for number in range(25))
    metadata.start_run(RunRecord(many, "Wide", "", this_owner(), State.RUNNING, steps=steps))
    for step in steps:
        metadata.publish_step(
            many, step.id, state=State.COMPLETE, attempt="", fingerprint=f"f-{step.id}",
            inputs=[], outputs=[], metrics={}, facts={},
        )  # fmt: skip
    said = call("clear", "--all", "--dry-run").output
    assert "and 7 more" in said
    assert "27 steps would be forgotten" in said


@pytest.mark.parametrize("options", [[], ["--yes"], ["--all", "--pipeline", "Table"]])
def test_the_command_wants_to_know_what_to_forget(repo: Repository, run: Run, options: list[str]) -> None:
    refused = call("clear", *options)
    assert refused.exit_code == 2
    assert "say what to forget" in refused.output
    assert len(listed()) == 2
