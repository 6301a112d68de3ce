"""A step that finds what it made not good enough fails, and what it made is to be had all the same."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from zenml.backends.orchestrator import OrchestratorBaseBackend
from zenml.errors import RunFailed
from zenml.pipelines import Pipeline
from zenml.repo import Repository


def judged(steps: ModuleType, least: int) -> Pipeline:
    """Return a pipeline whose last step reads nothing of the gate before it."""
    pipeline = Pipeline(name="Judged").add_step(steps.Note(), id="first")
    pipeline.add_step(steps.Judge(word="word", least=least).with_retry(3, delay=0), id="gate")
    return pipeline.add_step(steps.Repeat(), id="deploy", inputs={"note": "first.note"})


def states(run: object) -> list[str]:
    return [str(step.state) for step in run.steps.values()]  # type: ignore[attr-defined] # a Run


@pytest.mark.parametrize("at_once", [1, 3])
def test_what_is_not_good_enough_is_published_and_stops_the_pipeline(
    project: Path, steps: ModuleType, at_once: int
) -> None:
    with pytest.raises(RunFailed, match=r"^step gate: the word is shorter than 5$") as caught:
        judged(steps, 5).run(OrchestratorBaseBackend(parallel_steps=at_once))
    (run,) = Repository.get_instance().get_runs()
    assert caught.value.run_id == run.id
    assert (str(run.state), states(run)) == ("FAILED", ["COMPLETE", "FAILED", "SKIPPED"])
    output = run.steps["gate"].outputs["note"]
    assert (output.path / "note.txt").read_text() == "word"
    assert run.metrics == {"length": 4.0}
    assert run.metadata.recorded_uris([output.uri]) == {output.uri}


def test_it_is_never_served_from_the_cache_nor_counts_when_the_run_goes_on(project: Path, steps: ModuleType) -> None:
    for _ in range(2):
        with pytest.raises(RunFailed):
            judged(steps, 5).run()
    newest = Repository.get_instance().get_runs()[0]
    assert states(newest) == ["CACHED", "FAILED", "SKIPPED"]
    with pytest.raises(RunFailed):
        judged(steps, 5).run(resume=newest)
    assert states(newest) == ["CACHED", "FAILED", "SKIPPED"]
    assert newest.steps["gate"].outputs["note"].uri.endswith(".2")


def test_what_is_good_enough_lets_the_pipeline_go_on(project: Path, steps: ModuleType) -> None:
    assert states(judged(steps, 4).run(OrchestratorBaseBackend(parallel_steps=3))) == ["COMPLETE"] * 3
