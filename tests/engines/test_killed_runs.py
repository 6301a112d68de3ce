"""`kill -9` of a whole run in the middle of each data step: it is LOST at once, and the next run goes on from there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from zenml.datasources import CSVDatasource
from zenml.metadata.records import State
from zenml.pipelines import DataPipeline
from zenml.repo import Repository

OPERATIONS = {"ReadCSV": "data", "SequencePartition": "sequencer", "SplitRows": "split", "ApplyShard": "preprocesser"}
"""An operation of each step's jobs: the last one, so that those before it have left their files."""

RUN = """
import sys
sys.path.insert(0, {here!r})
from zenml.cli.main import run
from zenml.data.shuffle import partition
partition.PARTITION_BYTES = 8_000
sys.exit(run(["pipeline", "run", sys.argv[1]]))
"""


def run(folder: Path, name: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", RUN.format(here=str(Path(__file__).parent)), f"{name}.yaml"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def prepare(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write the data, and a pipeline file for a plain run and for a death in each operation."""
    from data_steps import STEPS, Cases, write_sources
    from deadly_backend import DeadlyBackend

    (folder / ".zenml").mkdir(parents=True)
    (folder / "marks").mkdir()
    write_sources(folder / "sources")
    monkeypatch.chdir(folder)
    for name in ("plain", *OPERATIONS):
        pipeline = DataPipeline("Killed").add_datasource(CSVDatasource(name="events", path="sources/events-*.csv"))
        pipeline.add_step(STEPS["sequencer"].model_copy(), id="sequencer")
        pipeline.add_step(STEPS["time-split-by-shares"].model_copy(), id="split")
        pipeline.add_step(Cases.of_windows(), id="preprocesser")
        if name != "plain":
            for step in pipeline.steps.values():
                step.with_backend(DeadlyBackend(marks=Path("marks"), only=name, workers=1))
        pipeline.to_yaml(f"{name}.yaml")
    return folder


def artifacts(folder: Path) -> dict[str, bytes]:
    """Return every file of every artifact; an attempt, which is of a run, is no part of the names."""
    found = {}
    for manifest in (folder / ".zenml/artifacts").glob("*/*/*/manifest.json"):
        kind, fingerprint, _ = manifest.parts[-4:-1]
        for path in manifest.parent.rglob("*"):
            if path.is_file():
                found[f"{kind}/{fingerprint}/{path.relative_to(manifest.parent)}"] = path.read_bytes()
    return found


def test_a_run_that_was_killed_in_any_data_step_is_lost_and_the_next_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, killed = prepare(tmp_path / "whole", monkeypatch), prepare(tmp_path / "killed", monkeypatch)
    done = run(whole, "plain")
    assert done.returncode == 0, done.stderr
    repo = Repository(killed)
    for place, (operation, step) in enumerate(OPERATIONS.items()):
        died = run(killed, operation)
        assert died.returncode == -9, f"{operation}: {died.stderr}"
        newest, *older = repo.get_runs()
        assert newest.state is State.LOST, operation
        assert len(older) == place
        states = {name: row.state for name, row in newest.steps.items()}
        assert states[step] is State.LOST, operation
        begun = [*states][: [*states].index(step)]
        assert all(states[name] in (State.COMPLETE, State.CACHED) for name in begun), operation
        for row in newest.steps.values():
            for output in row.outputs.values():
                repo.artifact_store.verify(repo.artifact_store.open(output.uri))
    done = run(killed, "plain")
    assert done.returncode == 0, done.stderr
    states = [str(row.state) for row in repo.get_runs()[0].steps.values()]
    assert states == ["CACHED", "CACHED", "CACHED", "COMPLETE"]
    assert sorted(path.name for path in (killed / "marks").iterdir()) == [
        f"{n}-{op}.0" for n, op in enumerate(OPERATIONS)
    ]
    assert artifacts(killed) == artifacts(whole) != {}
    assert not list((killed / ".zenml/tmp").glob("*"))
