from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from zenml.cli import completing
from zenml.cli.main import cli
from zenml.config.settings import Settings, metadata_store
from zenml.metadata import MySQLMetadataStore, SQLiteMetadataStore
from zenml.metadata.glance import Glance
from zenml.metadata.liveness import this_owner
from zenml.metadata.records import RunRecord, State, StepRecord
from zenml.metadata.store import MetadataStore
from zenml.spec.model import ComponentSpec

STEPS = (StepRecord("data", "CSVDatasource"), StepRecord("split", "RandomSplit"), StepRecord("data2", "CSVDatasource"))


def run_id(number: int) -> str:
    return f"r{number:019d}"


def record(store: MetadataStore, number: int, pipeline: str, end: State | None) -> str:
    run = run_id(number)
    store.start_run(RunRecord(run, pipeline, "zenml: 1\n", this_owner(), State.RUNNING, steps=STEPS))
    if end:
        store.end_run(run, state=end)
    return run


def fill(store: MetadataStore) -> None:
    """Record a run that completed, one that failed and one that goes on."""
    record(store, 1, "Quick start", State.COMPLETE)
    record(store, 20, "Quick start", State.FAILED)
    record(store, 21, "Other", None)


@pytest.fixture
def store(project: Path) -> MetadataStore:
    store = metadata_store(project)
    fill(store)
    return store


def completed(*words: str) -> list[str]:
    """Return how the last of the words is completed."""
    found = ShellComplete(cli, {}, "zenml", "_ZENML_COMPLETE").get_completions(list(words[:-1]), words[-1])
    return [item.value for item in found]


ALL = [run_id(number) for number in (21, 20, 1)]


@pytest.mark.parametrize("command", [["run", "get"], ["run", "logs"], ["run", "reproduce"], ["step", "get"]])
def test_runs_are_completed_newest_first(store: MetadataStore, command: list[str]) -> None:
    assert completed(*command, "") == ALL
    assert completed(*command, "r") == ALL
    assert completed(*command, run_id(2)[:-1]) == [run_id(1)]
    assert completed(*command, run_id(20)[:-1]) == ALL[:2]
    assert completed(*command, "x") == []


def test_only_runs_that_it_can_be_done_to_are_offered(store: MetadataStore) -> None:
    assert completed("run", "cancel", "") == [run_id(21)]
    assert completed("run", "resume", "") == [run_id(21), run_id(20)]
    assert completed("pipeline", "compare", run_id(1), "") == ALL


def test_a_run_is_told_by_its_pipeline_and_state(store: MetadataStore) -> None:
    found = ShellComplete(cli, {}, "zenml", "_ZENML_COMPLETE").get_completions(["run", "get", "--json"], "")
    assert [item.help for item in found] == ["Other RUNNING", "Quick start FAILED", "Quick start COMPLETE"]


@pytest.mark.parametrize("command", [["run", "logs"], ["step", "get"]])
def test_the_steps_of_the_run_are_completed(store: MetadataStore, command: list[str]) -> None:
    assert completed(*command, run_id(1), "") == ["data", "split", "data2"]
    assert completed(*command, run_id(21), "da") == ["data", "data2"]
    assert completed(*command, run_id(20)[:-1], "") == []
    assert completed(*command, "nothing", "") == []


@pytest.mark.parametrize(
    "words",
    [
        ["pipeline", "get"],
        ["pipeline", "compare", "--pipeline"],
        ["run", "list", "--pipeline"],
        ["gc", "--pipeline"],
        ["cache", "list", "--pipeline"],
        ["cache", "clear", "--pipeline"],
    ],
)
def test_pipelines_are_completed(store: MetadataStore, words: list[str]) -> None:
    assert completed(*words, "") == ["Quick start", "Other"]
    assert completed(*words, "Q") == ["Quick start"]


def test_at_most_so_many_are_offered(project: Path) -> None:
    store = metadata_store(project)
    for number in range(60):
        record(store, number, "Many", State.COMPLETE)
    assert completed("run", "get", "") == [run_id(number) for number in reversed(range(10, 60))]


def test_a_configured_file_is_read(project: Path) -> None:
    odd = project / "a #%3f?" / "runs.db"
    fill(SQLiteMetadataStore(path=str(odd)))
    block = ComponentSpec(type="SQLiteMetadataStore", config={"path": "a #%3f?/runs.db"})
    Settings(metadata_store=block).save(project)
    assert completed("run", "get", "") == ALL
    Settings(artifact_store="elsewhere").save(project)
    assert completed("run", "get", "") == []


def nothing(project: Path) -> None:
    """Leave the repository as it is: no database was made yet."""


def no_database(project: Path) -> None:
    (project / ".zenml" / "metadata.db").write_bytes(b"no database" * 1000)


def no_settings(project: Path) -> None:
    Settings.path(project).write_text("metadata_store: [")


def odd_settings(project: Path) -> None:
    Settings.path(project).write_text("metadata_store: 3")


def nobodys_store(project: Path) -> None:
    Settings.path(project).write_text("metadata_store: {type: NobodysStore, config: {}}")


def no_repository(project: Path) -> None:
    shutil.rmtree(project / ".zenml")


def no_server(project: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    block = MySQLMetadataStore(host="127.0.0.1", port=port, username="u", database="d").to_config()
    Settings(metadata_store=ComponentSpec(**block)).save(project)


@pytest.mark.parametrize(
    "broken", [nothing, no_database, no_settings, odd_settings, nobodys_store, no_repository, no_server]
)
def test_what_cannot_be_read_completes_nothing(
    project: Path, broken: Callable[[Path], None], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(completing, "SECONDS", 5.0)
    broken(project)
    for words in (("run", "get"), ("run", "logs", run_id(1)), ("gc", "--pipeline")):
        assert completed(*words, "") == []
    assert (project / ".zenml" / "metadata.db").exists() == (broken is no_database)
    assert capfd.readouterr() == ("", "")


def test_a_store_that_does_not_answer_completes_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completing, "SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        block = MySQLMetadataStore(host="127.0.0.1", port=silent.getsockname()[1], username="u", database="d")
        Settings(metadata_store=ComponentSpec(**block.to_config())).save(project)
        assert completed("run", "get", "") == []


def test_any_other_store_is_asked_through_its_class(store: MetadataStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completing, "_names", lambda: completing._StoreNames(store))
    assert completed("run", "get", "") == ALL
    assert completed("run", "get", run_id(20)[:-1]) == ALL[:2]
    assert completed("run", "logs", run_id(1), "") == ["data", "split", "data2"]
    assert completed("pipeline", "get", "O") == ["Other"]
    assert completing._StoreNames(store).steps("nothing") == []


def test_a_glance_changes_nothing(store: MetadataStore, project: Path) -> None:
    path = project / ".zenml" / "metadata.db"
    content = path.read_bytes()
    assert Glance(path).pipelines() == store.list_pipelines()
    assert path.read_bytes() == content


def shell(folder: Path, project: Path, *command: str) -> str:
    """Run a shell in a project, with a command `zenml` that runs this Python; return what it prints."""
    zenml = folder / "bin" / "zenml"
    zenml.parent.mkdir()
    zenml.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m zenml.cli.main "$@"\n')
    zenml.chmod(0o755)
    environment = {**os.environ, "PATH": os.pathsep.join((str(zenml.parent), os.environ["PATH"]))}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
def test_bash_puts_names_with_blanks_into_the_line(store: MetadataStore, project: Path, tmp_path: Path) -> None:
    script = (
        'eval "$(zenml completion bash)"; COMP_WORDS=(zenml pipeline get "Quick\\ "); COMP_CWORD=3\n'
        "COMPREPLY=(); _zenml_completion zenml; printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    assert shell(tmp_path, project, "bash", "--norc", "-c", script) == "Quick\\ start\n"


@pytest.mark.skipif(not shutil.which("fish"), reason="needs fish")
def test_fish_tells_more_of_a_run(store: MetadataStore, project: Path, tmp_path: Path) -> None:
    script = 'zenml completion fish | source; complete -C "zenml pipeline get Q"; complete -C "zenml run cancel "'
    said = shell(tmp_path, project, "fish", "-N", "-c", script)
    assert said.splitlines() == ["Quick start", f"{run_id(21)}\tOther RUNNING"]


def test_completing_imports_nothing_heavy(store: MetadataStore, project: Path) -> None:
    program = (
        "import sys\n"
        "import zenml.cli.main as main\n"
        "try: main.run([])\n"
        "except SystemExit: pass\n"
        "heavy = {'pydantic', 'sqlalchemy', 'pyarrow', 'numpy', 'yaml', 'rich', 'fsspec'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)\n"
    )
    variables = {"COMP_WORDS": "zenml run logs ", "COMP_CWORD": "3", "_ZENML_COMPLETE": "bash_complete"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=project, env={**os.environ, **variables}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == [f"plain,{run}" for run in ALL]
