"""A run is looked at, goes on and is run again where it kept its artifacts, whatever store is used by now."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from zenml.artifacts.store import ArtifactStore
from zenml.cli.main import run as zenml
from zenml.config.run_stores import RunStores, store_facts
from zenml.datasources import CSVDatasource
from zenml.errors import RunFailed, StoreError
from zenml.metadata.records import Owner, RunRecord, State
from zenml.pipelines import DataPipeline
from zenml.pipelines.repeating import reproduce, resume
from zenml.repo import Repository
from zenml.runtime.console import Console
from zenml.runtime.run import Run

MODULE = """
import os
from typing import ClassVar

from zenml.artifacts.local import LocalTransport
from zenml.artifacts.store import ArtifactStore
from zenml.artifacts.types import Evaluation, Examples
from zenml.secrets import Secret
from zenml.steps import Step


class KeyedStore(ArtifactStore):
    key: Secret

    def open_transport(self):
        if self.key.reveal() != "open sesame":
            raise ValueError("a wrong key")
        return LocalTransport(os.path.abspath(self.path))


class Talk(Step):
    inputs: ClassVar = {"examples": Examples}
    outputs: ClassVar = {"said": Evaluation}

    def run(self, context):
        print("a word of the step")
        if "TALK_FAILS" in os.environ:
            raise ValueError("no more words")
"""

QUIET = Console(quiet=True)


@pytest.fixture
def repo(project: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    (project / "table.csv").write_text("a,b\n" + "1,x\n2,y\n" * 10)
    (project / "words.py").write_text(MODULE)
    monkeypatch.syspath_prepend(project)
    return Repository.get_instance()


def pipeline() -> DataPipeline:
    from words import Talk  # the module that the fixture above writes

    built = DataPipeline(name="Words")
    built.add_datasource(CSVDatasource(name="Table", path="table.csv"))
    return built.add_step(Talk(), id="talk")


def failed_in(store: ArtifactStore | str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run the pipeline with a store; return the id of the run, which failed in its last step."""
    monkeypatch.setenv("TALK_FAILS", "1")
    with pytest.raises(RunFailed):
        pipeline().run(artifact_store=store, report=QUIET)
    monkeypatch.delenv("TALK_FAILS")
    return Repository.get_instance().get_runs()[0].id


def test_a_run_is_looked_at_where_its_artifacts_are(repo: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    run = pipeline().run(artifact_store="elsewhere", report=QUIET)
    at = repo.root / "elsewhere"
    assert run.record.facts["artifact_store"] == str(at)
    for found in (repo.get_run(run.id), repo.get_run(run.id[:-1]), repo.get_runs()[0]):
        assert found.logs("talk") == "a word of the step\n"
        assert found.steps["data"].outputs["examples"].path.is_relative_to(at)
    assert "artifact_store_options" not in run.record.facts
    capsys.readouterr()
    assert zenml(["run", "logs", run.id]) == 0
    assert "talk | a word of the step" in capsys.readouterr().out
    assert zenml(["cache", "list"]) == 0
    assert "elsewhere" in capsys.readouterr().out
    pipeline().view_statistics()


def test_a_run_goes_on_in_its_own_store(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = failed_in("elsewhere", monkeypatch)
    assert resume(run_id, repo.root, report=QUIET).state is State.COMPLETE
    repo.cache(step="talk").forget()
    run_id = failed_in("elsewhere", monkeypatch)
    again = pipeline().run(resume=run_id, report=QUIET)
    assert again.steps["data"].state is State.CACHED
    assert again.state is State.COMPLETE
    assert not (repo.root / ".zenml/artifacts").exists()


def test_a_run_is_reproduced_in_the_store_of_now(repo: Repository) -> None:
    run = pipeline().run(artifact_store="elsewhere", report=QUIET)
    found = reproduce(run.id, repo.root, report=QUIET)
    assert found.original.store.place == str(repo.root / "elsewhere")
    assert set(found.outputs.values()) == {True}
    assert found.run is not None
    assert found.run.store.place == str(repo.root / ".zenml/artifacts")
    assert found.run.steps["data"].state is State.COMPLETE


def test_a_store_with_options_is_opened_with_them(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    from words import KeyedStore  # the module that the fixture writes

    monkeypatch.setenv("WORDS_KEY", "open sesame")
    store = KeyedStore("keyed", key="env:WORDS_KEY")
    run = pipeline().run(artifact_store=store, report=QUIET)
    assert "open sesame" not in str(run.record)
    assert json.loads(run.record.facts["artifact_store_options"])["config"]["key"] == "env:WORDS_KEY"
    found = repo.get_run(run.id)
    assert type(found.store) is KeyedStore
    assert found.logs("talk") == "a word of the step\n"
    assert found.steps["data"].outputs["examples"].path.exists()


def test_a_literal_secret_of_a_store_is_kept_in_the_secrets_file(repo: Repository) -> None:
    from words import KeyedStore  # the module that the fixture writes

    run = pipeline().run(artifact_store=KeyedStore("keyed", key="open sesame"), report=QUIET)
    assert "open sesame" not in str(run.record)
    assert repo.get_run(run.id).logs("talk") == "a word of the step\n"
    database = b"".join(path.read_bytes() for path in (repo.root / ".zenml").glob("metadata.db*"))
    assert b"open sesame" not in database
    assert "open sesame" in (repo.root / ".zenml/secrets.yaml").read_text()


def record(facts: Mapping[str, str]) -> RunRecord:
    return RunRecord("r" + "0" * 19, "Words", "", Owner("here", 1, 0.0), facts=facts)


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"artifact_store": "/nowhere/at/all"},
        {"artifact_store": "file://elsewhere/at/all"},
        {"artifact_store": "s3://bucket", "artifact_store_options": '{"type": "NobodysStore", "config": {}}'},
        {"artifact_store": "s3://bucket", "artifact_store_options": "no JSON"},
    ],
)
def test_where_the_store_cannot_be_used_the_own_one_is(repo: Repository, facts: dict[str, str]) -> None:
    stores = RunStores(repo.root)
    assert stores.named(record(facts)) is None
    assert stores.of(record(facts)) is stores.own
    assert stores.own == repo.artifact_store


def test_the_own_store_is_known_again(repo: Repository) -> None:
    stores = RunStores(repo.root)
    stores.own.write_bytes("runs/mine.txt", b"")
    assert stores.named(record(store_facts(stores.own))) is stores.own
    other = stores.named(record({"artifact_store": "memory://words"}))
    assert other == ArtifactStore("memory://words")
    assert stores.named(record({"artifact_store": "memory://words"})) is other


def test_what_is_in_a_folder_of_another_machine_is_told(repo: Repository) -> None:
    run: Run = pipeline().run(artifact_store="elsewhere", report=QUIET)
    (repo.root / "elsewhere").rename(repo.root / "gone")
    with pytest.raises(StoreError, match="elsewhere"):
        repo.get_run(run.id).logs()
