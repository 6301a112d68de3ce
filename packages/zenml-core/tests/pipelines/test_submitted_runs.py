from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from zenml.datasources import CSVDatasource
from zenml.errors import ConfigError, RunFailed, StoreError
from zenml.metadata import SQLiteMetadataStore
from zenml.pipelines import Pipeline
from zenml.repo import Repository
from zenml.runtime.identifiers import new_run_id
from zenml.runtime.submitted import Submitted

Call = Callable[..., tuple[int, str]]


@pytest.fixture
def cloud(project: Path, steps: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """What makes a backend on one and the same cloud."""
    shutil.copy(Path(__file__).with_name("clouds_for_tests.py"), project)
    folder = tmp_path_factory.mktemp("cloud")
    import clouds_for_tests

    return lambda **options: clouds_for_tests.Cloud(folder=str(folder), **options)


def held(backend: Any) -> list[str]:
    return [name for run in backend.list_runs() for name in run.resources]


def test_a_run_that_was_waited_for_leaves_nothing(steps: ModuleType, cloud: Callable[..., Any], project: Path) -> None:
    run = Pipeline(name="Mine").add_step(steps.Note()).run(backend=cloud())
    assert run.state == "COMPLETE"
    assert held(cloud()) == []
    assert list(Submitted.all(project)) == []
    assert "note" in run.job_output()


def test_what_a_job_prints_is_followed_to_its_end(
    steps: ModuleType, cloud: Callable[..., Any], call: Call, project: Path
) -> None:
    run = Pipeline(name="Mine").add_step(steps.Note()).run(backend=cloud(), wait=False)
    told = call("run", "logs", run.id, "--job", "--follow")[1]
    assert "note           complete" in told
    assert call("run", "logs", run.id, "--job")[1] == told
    cloud().clean_up(run.id)


def test_a_process_that_cannot_begin_says_why(
    steps: ModuleType, cloud: Callable[..., Any], call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZENML_ARTIFACT_STORE", "{}")
    with pytest.raises(RunFailed, match="before it could say why"):
        Pipeline(name="Mine").add_step(steps.Note()).run(backend=cloud())


def test_a_refused_job_leaves_nothing(steps: ModuleType, cloud: Callable[..., Any], project: Path) -> None:
    with pytest.raises(ConfigError, match="the quota is used up"):
        Pipeline(name="Mine").add_step(steps.Note()).run(backend=cloud(refuses=True))
    assert held(cloud()) == []
    assert list(Submitted.all(project)) == []
    assert Repository.get_instance().list_records() == []


def test_a_run_that_waits_for_room_is_seen_and_canceled(
    steps: ModuleType, cloud: Callable[..., Any], call: Call
) -> None:
    run = Pipeline(name="Mine").add_step(steps.Note()).run(backend=cloud(full=True), wait=False)
    (row,) = json.loads(call("run", "list", "--json")[1])
    assert (row["id"], row["pipeline"], row["state"]) == (run.id, "Mine", "PENDING")
    assert json.loads(call("run", "list", "--json", "--pipeline", "Other")[1]) == []
    told = call("run", "get", run.id[:12])[1]
    assert "Its job is PENDING: no room" in told
    assert "https://cloud.example/job" in told
    assert json.loads(call("run", "get", run.id, "--json")[1])["job"]["reason"] == "no room"
    assert "Nothing to collect" in call("gc", "--older-than", "0")[1]
    assert call("run", "cancel", run.id)[0] == 0
    assert call("run", "get", run.id)[0] == 0
    assert run.state == "CANCELED"
    assert call("run", "cancel", run.id)[0] != 0


@pytest.mark.parametrize("dies", ["deliver", "submit"])
def test_what_a_killed_client_left_is_found_and_removed(
    steps: ModuleType, cloud: Callable[..., Any], call: Call, project: Path, dies: str
) -> None:
    code = (
        "from zenml.pipelines import Pipeline\nfrom clouds_for_tests import Cloud\nfrom steps_for_tests import Hold\n"
        "from zenml.secrets import Secret\n"
        f"Pipeline(name='Killed').add_step(Hold(key=Secret('x' * 20, literal=True)))"
        f".run(backend=Cloud(folder={cloud().folder!r}, dies={dies!r}))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 9, done.stderr
    (left,) = Submitted.all(project)
    (row,) = json.loads(call("run", "list", "--json")[1])
    assert (row["id"], row["state"]) == (left.run_id, "PENDING")
    assert held(cloud())
    assert call("gc")[1].strip() == "Nothing to collect"  # it is too young
    rows = json.loads(call("gc", "--older-than", "0", "--json")[1])
    assert [(row["kind"], row["run"]) for row in rows if row["kind"] == "resources"] == [("resources", left.run_id)]
    assert call("gc", "--older-than", "0", "--delete")[0] == 0
    assert held(cloud()) == []
    assert list(Submitted.all(project)) == []


def test_a_note_of_a_run_of_which_nothing_was_made_is_removed(
    steps: ModuleType, cloud: Callable[..., Any], call: Call, project: Path
) -> None:
    backend = cloud()
    run = Pipeline(name="Mine").add_step(steps.Note()).run(backend=backend, wait=False)
    (note,) = Submitted.all(project)
    text = note.path.read_bytes()
    until = time.monotonic() + 300
    while not backend.look(run.id, note.store).state.ended and time.monotonic() < until:
        time.sleep(0.02)
    backend.clean_up(run.id)
    note.path.with_name(f"{(killed := new_run_id())}.json").write_bytes(text)
    assert call("gc")[1].strip() == "Nothing to collect"  # they are too young
    rows = json.loads(call("gc", "--older-than", "0", "--json")[1])
    assert {row["run"] for row in rows if row["kind"] == "submission"} == {run.id, killed}
    told = json.loads(text)
    told["orchestrator"]["config"]["down"] = True
    note.path.with_name(f"{(unknown := new_run_id())}.json").write_text(json.dumps(told))
    assert call("gc", "--older-than", "0", "--delete")[0] == 0
    assert [each.run_id for each in Submitted.all(project)] == [unknown]  # its cloud does not answer
    assert call("run", "get", run.id)[0] == 0


def test_a_cloud_that_does_not_answer_stops_no_collecting(
    steps: ModuleType, cloud: Callable[..., Any], call: Call
) -> None:
    Pipeline(name="Mine").add_step(steps.Note()).run(backend=cloud(down=True))
    code, told = call("gc", "--older-than", "0")
    assert code == 0
    assert "Cloud cannot be asked what it holds: the cloud does not answer" in told


def test_a_database_that_only_the_job_can_reach_stops_neither_plan_nor_run(
    steps: ModuleType, project: Path, monkeypatch: pytest.MonkeyPatch, call: Call, cloud: Callable[..., Any]
) -> None:
    """As one behind a proxy on the job's own machine; the run is looked at by what its job writes."""
    (project / "rows.csv").write_text("a,b\n1,x\n2,y\n")
    pipeline = Pipeline(name="Far").add_step(CSVDatasource(name="rows", path="rows.csv"), id="data")
    store = SQLiteMetadataStore(path=str(project / "far.db"))

    def unreachable(*_: object, **__: object) -> None:
        raise StoreError("no route to the server")

    for name in ("find_step", "list_runs", "get_run"):
        monkeypatch.setattr(SQLiteMetadataStore, name, unreachable)
    (step,) = pipeline.plan(backend=cloud(), metadata_store=store).steps
    assert (step.action, "no route to the server" in step.reasons[0]) == ("run", True)
    run = pipeline.run(backend=cloud(), metadata_store=store)
    assert run.state == "COMPLETE"
    assert set(run.steps["data"].outputs) == {"examples"}
