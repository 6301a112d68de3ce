"""Whatever is wrong with stores, secrets and the code of a run is one clear error on the command line."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from zenml.cli.main import run
from zenml.metadata import MySQLMetadataStore, PostgreSQLMetadataStore
from zenml.metadata.server import ServerMetadataStore

SPEC = """
zenml: 1
name: Own
type: DataPipeline
steps:
  - {id: data, type: CSVDatasource, config: {name: Table, path: table.csv}}
  - {id: own, type: "own_steps:Count", config: {}}
"""
STEP = """
import os
from typing import ClassVar
from zenml.artifacts.types import Evaluation, Examples
from zenml.secrets import Secret
from zenml.steps import Step


class Count(Step):
    inputs: ClassVar = {"examples": Examples}
    outputs: ClassVar = {"count": Evaluation}

    token: Secret | None = None

    def run(self, context):
        if "OWN_FAILS" in os.environ:
            raise RuntimeError("it fails")
        if self.token:
            self.token.reveal()
        (context.outputs["count"].path / "count.txt").write_text("20")
"""
PLANTED = "planted-1729"

Refuse = Callable[..., str]


@pytest.fixture
def ran(project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of a run that failed in its second step."""
    (project / "table.csv").write_text("a,b\n" + "1,x\n2,y\n" * 10)
    (project / "own.yaml").write_text(SPEC)
    (project / "src").mkdir()
    (project / "src/own_steps.py").write_text(STEP)
    monkeypatch.setenv("OWN_FAILS", "1")
    assert run(["pipeline", "run", "own.yaml"]) == 1
    monkeypatch.delenv("OWN_FAILS")
    capsys.readouterr()
    assert run(["run", "list", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    return str(row["id"])


@pytest.fixture
def refuse(capsys: pytest.CaptureFixture[str]) -> Refuse:
    """Call a command that must fail; return its error, which is one line that tells what and where."""

    def call(*words: str, code: int = 1) -> str:
        capsys.readouterr()
        found = run(list(words))
        out, err = capsys.readouterr()
        said = [line for line in err.splitlines() if not line.endswith((" running", " cached"))]
        assert found == code, out + err
        assert len(said) == 1, err
        assert said[0].startswith("Error: ")
        assert PLANTED not in out + err
        return said[0].removeprefix("Error: ")

    return call


def commands(run_id: str) -> list[tuple[str, ...]]:
    return [("run", "list"), ("run", "get", run_id), ("pipeline", "compare"), ("pipeline", "run", "own.yaml")]


def test_a_store_of_another_schema_version(ran: str, project: Path, refuse: Refuse) -> None:
    file = project / ".zenml/metadata.db"
    with sqlite3.connect(file) as database:
        database.execute("UPDATE MLMDEnv SET schema_version = 9")
    database.close()
    for words in commands(ran):
        assert refuse(*words).startswith(f"{file}: the database has version 9 of ML Metadata's schema; this ZenML")


@pytest.mark.parametrize("damage", ["other", "cut", "overwritten"])
def test_a_corrupt_sqlite_file(ran: str, project: Path, refuse: Refuse, damage: str) -> None:
    file = project / ".zenml/metadata.db"
    with sqlite3.connect(file) as database:
        database.execute("VACUUM INTO ?", (str(project / "whole.db"),))
    database.close()
    data = (project / "whole.db").read_bytes()
    for path in (project / ".zenml").glob("metadata.db*"):
        path.unlink()
    file.write_bytes(
        {
            "other": b"no database at all" * 500,
            "cut": data[: len(data) // 2],
            "overwritten": data[:4096] + b"\xff" * (len(data) - 4096),
        }[damage]
    )
    for words in commands(ran):
        said = refuse(*words)
        assert said.startswith(f"{file}: ")
        assert "SQLite" in said or "damaged" in said


def test_an_artifact_changed_by_hand(
    ran: str, project: Path, refuse: Refuse, capsys: pytest.CaptureFixture[str]
) -> None:
    (shard,) = (project / ".zenml/artifacts").rglob("*.arrow")
    data = shard.read_bytes()
    middle = len(data) // 2
    shard.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
    written = shard.stat().st_mtime_ns
    os.utime(shard, ns=(written, written + 10**9))  # the clock of files goes in steps
    changed = f"{shard}: the file was changed. Delete the artifact and run again"
    assert refuse("datasource", "sample", "Table") == changed
    said = refuse("run", "resume", ran, code=2)
    assert said.startswith(f"step data: its output examples is not as it was published: {changed}")
    assert run(["pipeline", "run", "own.yaml", "--json"]) == 0  # what was changed is not served
    assert [step["state"] for step in json.loads(capsys.readouterr().out)["steps"]] == ["COMPLETE"] * 2


def test_a_class_that_is_no_longer_there(ran: str, project: Path, refuse: Refuse) -> None:
    def forget() -> None:
        del sys.modules["own_steps"]

    file = project / "src/own_steps.py"
    forget()
    file.write_text(STEP.replace("class Count", "class Counts"))
    repeating = (("run", "reproduce", ran), ("run", "resume", ran))
    reading = (("pipeline", "run", "own.yaml"), ("pipeline", "plan", "own.yaml"), ("pipeline", "validate", "own.yaml"))
    gone = "step own: own_steps:Count: own_steps has no Count. Did you mean Counts?"
    for words in repeating:
        assert refuse(*words, code=2) == gone
    for words in reading:
        assert refuse(*words, code=2) == f"own.yaml:7: {gone}"
    forget()
    file.unlink()
    for words in (*repeating, *reading):
        assert "step own: own_steps:Count: there is no module own_steps." in refuse(*words, code=2)
    for words in (("run", "get", ran), ("pipeline", "compare"), ("datasource", "commit", "Table")):
        assert run(list(words)) == 0  # these need no class of the user's


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("env:OWN_TOKEN_OF_NOBODY", "the environment variable OWN_TOKEN_OF_NOBODY is not set"),
        ("secret:nothing", "secrets.yaml has no such entry. Give it a value: zenml secret set nothing"),
        ("file:/nowhere/token", "the secret file:/nowhere/token cannot be read: No such file or directory"),
    ],
)
def test_a_secret_that_resolves_to_nothing(
    ran: str, project: Path, refuse: Refuse, reference: str, expected: str
) -> None:
    (project / "own.yaml").write_text(SPEC.replace("config: {}", f'config: {{token: "{reference}"}}'))
    said = refuse("pipeline", "run", "own.yaml")
    assert said.startswith(f"step own: the secret {reference} ")
    assert expected in said


@pytest.mark.parametrize("store", [MySQLMetadataStore, PostgreSQLMetadataStore])
def test_the_password_of_a_store_resolves_to_nothing(
    ran: str, project: Path, refuse: Refuse, store: type[ServerMetadataStore]
) -> None:
    pytest.importorskip(store.DRIVER)
    words = ("config", "metadata", "set", store.__name__, "--host", "127.0.0.1", "--port", "1")
    said = refuse(*words, "--passwd", "env:OWN_PASSWORD_OF_NOBODY", code=2)
    assert said.startswith("the secret env:OWN_PASSWORD_OF_NOBODY resolves to nothing: the environment variable")
    assert not (project / ".zenml/config.yaml").exists()
    config = {"port": 1, "password": "secret:gone"}
    block = {"type": store.__name__, "config": config}
    (project / ".zenml/config.yaml").write_text(json.dumps({"metadata_store": block}))
    for words in commands(ran):
        assert refuse(*words, code=2).startswith("the secret secret:gone resolves to nothing: ")
