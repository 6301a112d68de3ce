"""`kill -9` of a local worker in every job of every data step: another does the shard, and no byte differs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from zenml.errors import RunFailed
from zenml.metadata import SQLiteMetadataStore
from zenml.metadata.records import State
from zenml.pipelines import DataPipeline
from zenml.repo import Repository
from zenml.runtime.run import Run
from zenml.testing.processing_backend import run_data_steps, run_step, write_mixed_table

if TYPE_CHECKING:
    from data_steps import Cases

OPERATIONS = {
    "gzip": {"Unpack", "ReadCSV"},
    "time-split-by-shares": {"MeasureTimes", "CountTimes", "SplitRows"},
    "sequencer": {"PartitionRows", "SequencePartition"},
    "preprocesser": {"AnalyseShard", "ApplyShard"},
    "preprocesser-of-groups": {"AnalyseShard", "GroupShard", "ApplyShard"},
}
"""Operations of the jobs of cases that have several, to be sure that these are among those killed."""


def test_a_shard_whose_worker_was_killed_is_done_by_another(
    case: str, cases: Cases, tmp_path: Path, marks: Path
) -> None:
    from deadly_backend import DeadlyBackend, ListingBackend

    listing = ListingBackend(notes=tmp_path / "jobs")
    here = run_step(cases.step(case), cases.inputs(case), tmp_path / "here", listing)
    there = run_step(cases.step(case), cases.inputs(case), tmp_path / "there", DeadlyBackend(marks=marks))
    died = [path.stem.partition("-")[2] for path in sorted(marks.iterdir())]
    assert died == (tmp_path / "jobs").read_text().split()
    assert OPERATIONS.get(case, set()) <= set(died)
    assert there.files() == here.files()
    assert there.properties == here.properties


@pytest.mark.parametrize("moment", ["before", "after"])
def test_it_may_be_killed_at_any_moment(moment: str, tmp_path: Path, marks: Path) -> None:
    from deadly_backend import DeadlyBackend

    table = write_mixed_table(tmp_path / "data", rows=400, files=2)
    here = run_data_steps(table, tmp_path / "here")
    there = run_data_steps(table, tmp_path / "there", DeadlyBackend(marks=marks, moment=moment))
    assert len(list(marks.iterdir())) >= 4, "commit, split, learn, apply"
    for step, expected in here.items():
        assert there[step].files() == expected.files(), step
        assert there[step].properties == expected.properties, step


def pipeline(name: str, cases: Cases) -> DataPipeline:
    """Return a pipeline of the steps that have different operations."""
    made = DataPipeline(name).add_datasource(cases.step("csv"))
    made.add_step(cases.step("sequencer"), id="sequencer")
    made.add_step(cases.step("time-split-by-shares"), id="split")
    made.add_step(cases.of_windows(), id="preprocesser")
    return made


@pytest.mark.parametrize("step", ["data", "sequencer", "split", "preprocesser"])
def test_a_run_whose_workers_die_each_time_fails_cleanly_and_the_next_is_right(
    step: str, cases: Cases, project: Path, marks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from deadly_backend import DeadlyBackend

    deadly = pipeline("Deadly", cases)
    deadly.steps[step].with_backend(DeadlyBackend(marks=marks, times=99))
    with pytest.raises(RunFailed) as caught:
        deadly.run()
    (problem,) = caught.value.problems
    assert str(problem).startswith(f"step {step}: ")
    assert "shard 0: a worker process was ended by SIGKILL (out of memory?), 3 times over" in str(problem)
    assert "use fewer workers: ProcessingBaseBackend(workers=1)" in str(problem)
    assert len(list(marks.iterdir())) == 3
    repo = Repository.get_instance()
    (run,) = repo.get_runs()
    states = [str(row.state) for row in run.steps.values()]
    place = list(run.steps).index(step)
    assert (run.state, states) == (State.FAILED, ["COMPLETE"] * place + ["FAILED"] + ["SKIPPED"] * (3 - place))
    assert len(list((project / ".zenml/artifacts").rglob("manifest.json"))) == place
    assert not list((project / ".zenml/tmp").glob("*"))

    live = pipeline("Live", cases).run()
    assert [str(row.state) for row in live.steps.values()] == ["CACHED"] * place + ["COMPLETE"] * (4 - place)
    elsewhere = {"metadata_store": SQLiteMetadataStore(path="else.db"), "artifact_store": "else"}
    undisturbed = pipeline("Undisturbed", cases).run(**elsewhere)
    assert digests(live) == digests(undisturbed)


def digests(run: Run) -> dict[str, dict[str, str]]:
    """Return the content digests of all outputs of a run."""
    return {step: {name: row.digest for name, row in view.outputs.items()} for step, view in run.steps.items()}
