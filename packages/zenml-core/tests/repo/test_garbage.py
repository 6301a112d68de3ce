from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from zenml.artifacts.types import Evaluation
from zenml.cli.gc import gc, size_text
from zenml.datasources import CSVDatasource
from zenml.errors import ConfigError, StoreError
from zenml.metadata.liveness import this_owner
from zenml.metadata.records import Owner, RunRecord, State, StepRecord
from zenml.metadata.store import MetadataStore
from zenml.pipelines import DataPipeline
from zenml.repo import Repository
from zenml.repo.garbage import Garbage
from zenml.repo.leftover import Leftover
from zenml.runtime.identifiers import new_run_id
from zenml.runtime.run import Run
from zenml.steps.split import NoSplit


def pipeline(name: str = "Table") -> DataPipeline:
    built = DataPipeline(name=name)
    built.add_datasource(CSVDatasource(name="Table", path="table.csv"))
    return built.add_step(NoSplit(), id="split")


@pytest.fixture
def repo(project: Path) -> Repository:
    (project / "table.csv").write_text("a,b\n" + "1,x\n2,y\n" * 10)
    return Repository.get_instance()


@pytest.fixture
def run(repo: Repository) -> Run:
    return pipeline().run()


def leave(repo: Repository, run_id: str, *, published: bool, name: str = "Evaluation") -> str:
    """Leave what a process leaves that ends between its files, its manifest and its record; return the URI."""
    store = repo.artifact_store
    new = store.new(type(name, (Evaluation,), {}), "sha256:" + "0" * 64, f"{run_id}-9{'p' if published else 'a'}")
    (new.path / "numbers.txt").write_text("12345")
    if published:
        return store.publish(new).uri
    (new.path / ".numbers.txt.1-2.partial").write_text("123")
    return store.uri(new.key)


def found(repo: Repository, **options: object) -> list[tuple[str, str]]:
    rows = repo.garbage(**{"older_than": 0, **options}).find()  # type: ignore[arg-type] # options of a test
    return sorted((row.kind, row.uri) for row in rows)


def outputs(run: Run) -> list[str]:
    return [output.uri for step in run.steps.values() for output in step.outputs.values()]


def test_what_a_run_refers_to_is_no_garbage(repo: Repository, run: Run) -> None:
    assert found(repo) == []
    assert pipeline().run().steps["split"].state is State.CACHED
    assert found(repo) == []


def test_what_an_ended_run_left_is_found_and_removed(repo: Repository, run: Run) -> None:
    artifact, attempt = leave(repo, run.id, published=True), leave(repo, run.id, published=False)
    scratch = repo.root / ".zenml" / "tmp" / run.id
    scratch.mkdir(parents=True)
    (scratch / "part.bin").write_bytes(b"x" * 100)
    partial = repo.root / ".zenml" / "artifacts" / "snapshots" / ".abc.1-2.partial"
    partial.parent.mkdir(exist_ok=True)
    partial.write_text("half")
    inside = f"{attempt}/.numbers.txt.1-2.partial"
    expected = [("artifact", artifact), ("attempt", attempt), ("partial", inside), ("partial", str(partial))]
    assert found(repo) == sorted([*expected, ("scratch", str(scratch))])
    (row,) = [row for row in repo.garbage(older_than=0).find() if row.kind == "scratch"]
    assert (row.size, row.run, row.pipeline) == (100, run.id, "Table")

    removed = repo.garbage(older_than=0).delete()
    assert len(removed) == 5
    assert not any(Path(row.uri).exists() for row in removed)
    assert found(repo) == []
    assert all(repo.artifact_store.exists(uri) for uri in outputs(run))


def test_the_young_are_spared(repo: Repository, run: Run) -> None:
    leave(repo, run.id, published=True)
    assert found(repo, older_than="1d") == []
    assert repo.garbage().delete() == []
    assert len(found(repo)) == 1


def test_age_counts_from_the_end_of_the_run(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zenml.pipelines.launching.new_run_id", lambda: f"r{'0' * 18}1")
    leave(repo, pipeline().run().id, published=True)
    assert found(repo, older_than="1h") == []
    assert len(found(repo)) == 1


def test_only_one_pipelines_leftovers_are_asked_for(repo: Repository, run: Run) -> None:
    other = pipeline("Another").run()
    uris = {name: leave(repo, each.id, published=True) for name, each in (("Table", run), ("Another", other))}
    assert found(repo, pipeline="Another") == [("artifact", uris["Another"])]
    with pytest.raises(ConfigError, match="Did you mean Another"):
        repo.garbage(pipeline="Anothe")


def test_what_runs_of_other_stores_left_is_spared_unless_asked_for(repo: Repository, run: Run) -> None:
    uri = leave(repo, new_run_id(), published=True)
    (repo.root / ".zenml" / "tmp" / new_run_id()).mkdir(parents=True)
    (repo.root / ".zenml" / "tmp" / "readme").mkdir()
    assert found(repo) == []
    assert ("artifact", uri) in found(repo, unknown_runs=True)
    assert len(found(repo, unknown_runs=True)) == 2
    assert found(repo, unknown_runs=True, older_than="1h") == []
    (row, _) = repo.garbage(older_than=0, unknown_runs=True).find()
    assert "does not know the run" in row.reason


def test_what_no_attempt_made_is_nobodys_garbage(repo: Repository, run: Run) -> None:
    store = repo.artifact_store
    store.write_bytes("Evaluation/notes/mine/readme.txt", b"mine")
    store.write_bytes("packages/abc.tar.gz", b"mine")
    store.write_bytes("Evaluation/readme.txt", b"mine")
    assert found(repo, unknown_runs=True) == []


def test_data_that_a_spec_may_pin_is_spared(repo: Repository, run: Run) -> None:
    uri = leave(repo, run.id, published=True)
    repo.artifact_store.point_to_snapshot("sha256:" + "1" * 64, uri)
    assert found(repo) == []


def record(repo: Repository, owner: Owner) -> str:
    """Record a run as RUNNING."""
    run_id = new_run_id()
    steps = (StepRecord("data", "CSVDatasource"),)
    repo.metadata_store.start_run(RunRecord(run_id, "Table", "", owner, State.RUNNING, steps=steps))
    return run_id


def test_a_run_that_goes_on_is_left_alone(repo: Repository, run: Run) -> None:
    going = record(repo, this_owner())
    leave(repo, going, published=True)
    leave(repo, going, published=False)
    assert found(repo) == []
    assert repo.garbage(older_than=0).delete() == []


def test_a_lost_run_is_written_down_and_its_leftovers_go(repo: Repository, run: Run) -> None:
    lost = record(repo, Owner(this_owner().host, 2**22 + 1, 0.0))
    uri = leave(repo, lost, published=True)
    assert found(repo) == [("artifact", uri)]
    metadata = repo.metadata_store
    assert [each.state for each in metadata.list_runs() if each.id == lost] == [State.RUNNING]
    repo.garbage(older_than=0).delete()
    assert [each.state for each in metadata.list_runs() if each.id == lost] == [State.LOST]
    assert not repo.artifact_store.exists(uri)


def test_a_repository_that_was_moved_keeps_its_artifacts(repo: Repository, run: Run, tmp_path: Path) -> None:
    shutil.copytree(repo.root, tmp_path / "moved")
    moved = Repository(tmp_path / "moved")
    assert found(moved) == []
    assert moved.garbage(older_than=0).delete() == []


def test_a_store_without_a_query_of_its_own_answers_alike(repo: Repository, run: Run) -> None:
    metadata, uris = repo.metadata_store, [*outputs(run), "file:///elsewhere"]
    assert metadata.recorded_uris(uris) == MetadataStore.recorded_uris(metadata, uris) == set(outputs(run))
    assert metadata.recorded_uris([]) == set()


def test_what_cannot_be_removed_is_told_and_the_rest_is(
    repo: Repository, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = {"scratch": PermissionError(13, "Permission denied"), "attempt": StoreError("the bucket is read-only")}
    remove = Garbage._remove

    def fail(self: Garbage, row: Leftover) -> None:
        if row.kind in errors:
            raise errors[row.kind]
        remove(self, row)

    monkeypatch.setattr(Garbage, "_remove", fail)
    leave(repo, run.id, published=True)
    leave(repo, run.id, published=False)
    (repo.root / ".zenml" / "tmp" / run.id).mkdir(parents=True)
    with pytest.raises(StoreError) as raised:
        repo.garbage(older_than=0).delete()
    assert {problem.what for problem in raised.value.problems} == {
        "cannot be removed: Permission denied",
        "the bucket is read-only",
    }
    assert {kind for kind, _ in found(repo)} == {"attempt", "scratch"}


def test_the_manifest_goes_first(repo: Repository, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    leave(repo, run.id, published=True)
    removed: list[str] = []
    transport = type(repo.artifact_store.transport)
    remove = transport.remove

    def note(self: object, key: str) -> None:
        removed.append(key.rpartition("/")[2])
        remove(self, key)  # type: ignore[arg-type] # the same object

    monkeypatch.setattr(transport, "remove", note)
    repo.garbage(older_than=0).delete()
    assert removed == ["manifest.json", f"{run.id}-9p"]


def test_the_command_lists_first_and_removes_when_asked(repo: Repository, run: Run) -> None:
    assert CliRunner().invoke(gc, []).output == "Nothing to collect\n"
    uri = leave(repo, run.id, published=True)
    shown = CliRunner().invoke(gc, ["--older-than", "0"])
    assert "1 found" in shown.output
    assert "Remove: add --delete" in shown.output
    assert repo.artifact_store.exists(uri)
    (row,) = json.loads(CliRunner().invoke(gc, ["--older-than", "0", "--json"]).output)
    assert (row["kind"], row["uri"], row["pipeline"], row["run"], row["deleted"]) == (
        "artifact",
        uri,
        "Table",
        run.id,
        False,
    )
    assert row["bytes"] > 5
    assert "1 removed" in CliRunner().invoke(gc, ["--older-than", "0", "--delete", "--pipeline", "Table"]).output
    assert not repo.artifact_store.exists(uri)
    assert json.loads(CliRunner().invoke(gc, ["--json"]).output) == []
    wrong = CliRunner().invoke(gc, ["--older-than", "2 months"]).exception
    assert isinstance(wrong, ConfigError)


def test_sizes_are_told_for_people() -> None:
    sizes = [0, 999, 1500, 12_000, 3_400_000, 5 * 10**9, 7 * 10**15]
    assert [size_text(size) for size in sizes] == ["0 B", "999 B", "1.5 kB", "12 kB", "3.4 MB", "5.0 GB", "7000 TB"]


PROGRAM = """
import sys
from zenml.datasources import CSVDatasource
from zenml.pipelines import DataPipeline
from zenml.steps.split import NoSplit, RandomSplit

for number in range(4):
    pipeline = DataPipeline(name=f"Table {sys.argv[1]}", seed=number + 10 * int(sys.argv[1]))
    types = {"a": "float"} if number % 2 else {}
    pipeline.add_datasource(CSVDatasource(name=f"Table{number}", path="table.csv", types=types))
    pipeline.add_step(RandomSplit(split_map={"train": 0.5, "eval": 0.5}), id="split")
    pipeline.run()
"""


def test_runs_that_go_on_lose_nothing(repo: Repository, run: Run) -> None:
    """Two processes run pipelines with fresh artifacts while this one collects all it can, without any grace."""
    command = [sys.executable, "-c", PROGRAM]
    environment = {**os.environ, "PYTHONSAFEPATH": "1"}
    processes = [subprocess.Popen([*command, str(number)], cwd=repo.root, env=environment) for number in range(2)]
    collected = 0
    while any(process.poll() is None for process in processes):
        leave(repo, run.id, published=True)
        collected += len(repo.garbage(older_than=0).delete())
    assert [process.wait() for process in processes] == [0, 0]
    assert collected > 0
    runs = [each for each in repo.get_runs() if each.id != run.id]
    assert len(runs) == 8
    assert all(each.state is State.COMPLETE for each in runs)
    for uri in {uri for each in runs for uri in outputs(each)}:
        repo.artifact_store.verify(repo.artifact_store.open(uri))
