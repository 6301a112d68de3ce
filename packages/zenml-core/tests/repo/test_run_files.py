from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from zenml.cli.gc import gc
from zenml.datasources import CSVDatasource
from zenml.metadata.liveness import this_owner
from zenml.metadata.records import Owner, RunRecord, State, StepRecord
from zenml.pipelines import DataPipeline
from zenml.repo import Repository
from zenml.repo.run_files import RunFiles
from zenml.runtime.identifiers import new_run_id
from zenml.runtime.job_folder import JobFolder, StatusFile
from zenml.runtime.orchestrator_subprocess import OrchestratorSubprocessBackend
from zenml.runtime.run import Run

SPEC = "zenml: 1\nname: Table\nsteps: [{id: data, type: CSVDatasource, config: {name: Table, path: table.csv}}]\n"
CODE, OTHER = "1" * 64, "2" * 64


@pytest.fixture
def repo(project: Path) -> Repository:
    (project / "table.csv").write_text("a,b\n" + "1,x\n2,y\n" * 10)
    return Repository.get_instance()


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zenml.repo.run_files.RESTARTS", 0.0)


def record(repo: Repository, *, owner: Owner | None = None, end: State | None = State.COMPLETE) -> str:
    """Record a run of the pipeline `Table`, and that it ended."""
    run_id = new_run_id()
    steps = (StepRecord("data", "CSVDatasource"),)
    metadata = repo.metadata_store
    metadata.start_run(RunRecord(run_id, "Table", SPEC, owner or this_owner(), State.RUNNING, steps=steps))
    if end:
        metadata.end_run(run_id, state=end)
    return run_id


def stage(repo: Repository, run_id: str, *, package: str = CODE, state: State | None = State.COMPLETE) -> None:
    """Leave what a job elsewhere has in the artifact store."""
    store, folder = repo.artifact_store, JobFolder(repo.artifact_store, run_id)
    store.write_bytes(f"packages/{package}.tar.gz", b"code")
    store.write_bytes(folder.key("job.json"), json.dumps({"run": run_id, "package": package}).encode())
    store.write_bytes(folder.key("spec.yaml"), b"zenml: 1\n")
    store.write_bytes(folder.key("record.json"), b"{}")
    store.write_bytes(folder.key("logs/data/001/000001.txt"), b"hello")
    store.write_bytes(folder.key("output/001/000001.txt"), b"hello")
    if state:
        folder.write_status(StatusFile(state, this_owner()))


def found(repo: Repository, **options: object) -> list[tuple[str, str]]:
    rows = repo.garbage(**{"older_than": 0, **options}).find()  # type: ignore[arg-type] # options of a test
    return sorted((row.kind, row.run or row.uri.rpartition("/")[2]) for row in rows)


def kept(repo: Repository, run_id: str) -> list[str]:
    return [key.split("/", 2)[2] for key in repo.artifact_store.list(f"runs/{run_id}")]


def test_a_job_that_ended_goes_with_its_code_and_its_logs_stay(repo: Repository) -> None:
    run_id = record(repo)
    stage(repo, run_id)
    assert found(repo) == [("job", run_id), ("package", f"{CODE}.tar.gz")]
    (job, package) = sorted(repo.garbage(older_than=0).find(), key=lambda row: row.kind)
    assert (job.pipeline, package.pipeline, package.size) == ("Table", "", 4)
    assert "ended" in job.reason
    assert len(repo.garbage(older_than=0).delete()) == 2
    assert kept(repo, run_id) == [
        "logs/data/001/000001.txt",
        "output/001/000001.txt",
        "record.json",
        "spec.yaml",
        "status.json",
    ]
    assert not repo.artifact_store.list("packages")
    assert found(repo) == []


def test_the_logs_of_recorded_runs_go_when_it_is_said(repo: Repository) -> None:
    run_id = record(repo)
    stage(repo, run_id)
    assert ("log", run_id) not in found(repo, logs_older_than="1h")
    assert ("log", run_id) not in found(repo, logs_older_than=0, older_than="1h")
    assert found(repo, logs_older_than=0, pipeline="Table") == [("job", run_id), ("log", run_id)]
    repo.garbage(older_than=0, logs_older_than=0).delete()
    assert kept(repo, run_id) == []


def test_the_code_of_a_job_that_stays_is_kept(repo: Repository) -> None:
    ended, going = record(repo), record(repo, end=None)
    stage(repo, ended)
    stage(repo, going)
    stage(repo, new_run_id(), package=OTHER)  # not recorded: it waits to begin, or is of another repository
    assert found(repo) == [("job", ended)]
    assert [row.kind for row in repo.garbage(older_than=0).delete()] == ["job"]
    assert repo.artifact_store.list("packages") == [f"packages/{digest}.tar.gz" for digest in (CODE, OTHER)]


def test_what_runs_of_other_stores_have_is_spared_unless_asked_for(repo: Repository) -> None:
    foreign = new_run_id()
    stage(repo, foreign)
    repo.artifact_store.write_bytes(f"environments/{CODE}.json", b"{}")
    assert found(repo) == []
    everything = [("environment", f"{CODE}.json"), ("job", foreign), ("log", foreign), ("package", f"{CODE}.tar.gz")]
    assert found(repo, unknown_runs=True) == everything
    assert found(repo, unknown_runs=True, older_than="1h") == []
    assert len(repo.garbage(older_than=0, unknown_runs=True).delete()) == 4
    assert kept(repo, foreign) == []


def test_what_was_installed_is_kept_for_the_runs_that_refer_to_it(repo: Repository) -> None:
    pipeline = DataPipeline(name="Table")
    run = pipeline.add_datasource(CSVDatasource(name="Table", path="table.csv")).run()
    name = f"{run.record.facts['environment']}.json"
    assert repo.artifact_store.list("environments") == [f"environments/{name}"]
    assert found(repo, unknown_runs=True) == []
    assert [row.kind for row in repo.garbage(older_than=0, unknown_runs=True, logs_older_than=0).delete()] == []


def test_the_young_are_spared(repo: Repository) -> None:
    run_id = record(repo)
    stage(repo, run_id)
    assert found(repo, older_than="1h", logs_older_than=0, unknown_runs=True) == []
    assert repo.garbage().delete() == []


def test_a_package_that_was_sent_just_now_waits_for_its_job(repo: Repository) -> None:
    store = repo.artifact_store
    store.write_bytes(f"packages/{CODE}.tar.gz", b"code")
    assert found(repo, older_than="1h") == []
    path = Path(store.uri(f"packages/{CODE}.tar.gz").removeprefix("file://"))
    os.utime(path, (1.0, 1.0))
    assert found(repo, older_than="1h") == [("package", f"{CODE}.tar.gz")]
    assert found(repo, older_than="1h", pipeline=None, unknown_runs=True) == [("package", f"{CODE}.tar.gz")]


def test_a_store_that_tells_no_times_spares_what_it_cannot_date(
    repo: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage(repo, record(repo))
    monkeypatch.setattr(type(repo.artifact_store.transport), "modified", lambda _self, _key: None)
    assert len(found(repo)) == 2
    assert found(repo, older_than="1s") == []


@pytest.mark.parametrize("state", [None, State.RUNNING])
def test_a_job_that_may_begin_again_is_spared(
    repo: Repository, monkeypatch: pytest.MonkeyPatch, state: State | None
) -> None:
    """Its platform starts the same command again after it took the machine away."""
    run_id = record(repo, end=State.FAILED)
    stage(repo, run_id, state=state)
    assert ("job", run_id) in found(repo)
    monkeypatch.setattr("zenml.repo.run_files.RESTARTS", 1e6)
    assert found(repo) == []
    for status in (b'{"state": "UNHEARD OF"}', b'{"state": "COMPLETE", "more": 1}', b"{"):
        repo.artifact_store.write_bytes(f"runs/{run_id}/status.json", status)
        assert found(repo, logs_older_than=0) == []


def test_a_run_that_is_resumed_meanwhile_keeps_its_files(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = record(repo, end=State.FAILED)
    stage(repo, run_id)
    still = RunFiles.still

    def resumed_first(self: RunFiles, row: object) -> bool:
        metadata = repo.metadata_store
        known = metadata.get_run(run_id)
        assert known is not None
        if known.state is State.FAILED:
            metadata.resume_run(known)
        return still(self, row)  # type: ignore[arg-type] # a leftover

    monkeypatch.setattr(RunFiles, "still", resumed_first)
    assert found(repo, logs_older_than=0) == [("job", run_id), ("log", run_id), ("package", f"{CODE}.tar.gz")]
    assert repo.garbage(older_than=0, logs_older_than=0).delete() == []
    assert len(kept(repo, run_id)) == 6


def test_a_job_that_is_staged_anew_meanwhile_stays(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = record(repo, end=State.FAILED)
    stage(repo, run_id)
    still = RunFiles.still

    def staged_first(self: RunFiles, row: object) -> bool:
        path = Path(self.store.uri(f"runs/{run_id}/spec.yaml").removeprefix("file://"))
        os.utime(path, (path.stat().st_mtime + 60,) * 2)
        return still(self, row)  # type: ignore[arg-type] # a leftover

    monkeypatch.setattr(RunFiles, "still", staged_first)
    assert repo.garbage(older_than=0).delete() == []
    assert "spec.yaml" in kept(repo, run_id)


def test_a_job_that_vanishes_while_it_is_read_refers_to_nothing(
    repo: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage(repo, new_run_id())
    folders = RunFiles._folders
    monkeypatch.setattr(RunFiles, "_folders", lambda self: {**folders(self), new_run_id(): {"job.json": 1}})
    assert found(repo) == []


def test_other_files_are_nobodys_garbage(repo: Repository) -> None:
    store = repo.artifact_store
    for key in ("runs/readme.txt", "runs/mine/job.json", "packages/mine.tar.gz", "environments/mine.json"):
        store.write_bytes(key, b"mine")
    assert found(repo, unknown_runs=True, logs_older_than=0) == []


def test_what_a_run_elsewhere_left_is_collected_and_it_is_still_looked_at(repo: Repository) -> None:
    pipeline = DataPipeline(name="Table")
    pipeline.add_datasource(CSVDatasource(name="Table", path="table.csv"))
    run: Run = pipeline.run(backend=OrchestratorSubprocessBackend())
    printed = run.logs()
    said = json.loads(CliRunner().invoke(gc, ["--older-than", "0", "--delete", "--json"]).output)
    assert {row["kind"] for row in said} == {"package", "job", "scratch"}
    assert (run.state, run.logs()) == (State.COMPLETE, printed)
    assert CliRunner().invoke(gc, ["--older-than", "0"]).output == "Nothing to collect\n"
    again = pipeline.run(backend=OrchestratorSubprocessBackend())
    assert again.steps["data"].state is State.CACHED
    assert "--logs-older-than" in CliRunner().invoke(gc, ["--help"]).output
