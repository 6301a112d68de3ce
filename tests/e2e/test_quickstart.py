from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from zenml.errors import RunFailed
from zenml.pipelines import Pipeline
from zenml.repo import ArtifactStore, Repository


@pytest.fixture
def table(project: Path, diabetes: Path) -> Path:
    (project / "data").mkdir()
    return Path(shutil.copy(diabetes, project / "data"))


def artifacts(folder: Path) -> dict[str, bytes]:
    """Every file of every artifact, by its name below `<type>/<fingerprint>`."""
    found = {}
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        if path.is_file() and parts[0] not in ("runs", "packages", "snapshots"):
            found["/".join((*parts[:2], *parts[3:]))] = path.read_bytes()
    return found


def test_it_trains_and_evaluates_and_the_second_run_is_cached(project: Path, table: Path) -> None:
    from quickstart_for_tests import quickstart

    run = quickstart("data/diabetes.csv").run()
    assert run.state == "COMPLETE"
    assert {step_id: step.state for step_id, step in run.steps.items()} == dict.fromkeys(
        ("data", "split", "preprocesser", "trainer", "evaluator"), "COMPLETE"
    )
    assert 0.75 < run.metrics["roc_auc"] < 0.9
    assert set(run.metrics) == {"accuracy", "roc_auc", "log_loss"}
    assert run.steps["trainer"].outputs["model"].path.is_dir()

    page = quickstart("data/diabetes.csv").view_statistics()
    assert page.path is not None
    assert "train" in page.path.read_text()
    page = quickstart("data/diabetes.csv").evaluate()
    assert page.metrics == run.metrics
    assert page.path is not None
    assert "Worst rows" in page.path.read_text()

    again = quickstart("data/diabetes.csv").run()
    assert {step.state for step in again.steps.values()} == {"CACHED"}
    assert again.metrics == run.metrics
    assert again.id > run.id
    assert [found.id for found in Repository.get_instance().get_runs()] == [again.id, run.id]
    assert not (project / ".zenml" / "tmp").exists() or not list((project / ".zenml" / "tmp").iterdir())


def test_changing_a_step_reruns_it_and_what_depends_on_it(table: Path) -> None:
    from quickstart_for_tests import quickstart

    from zenml.steps.trainer import SklearnTrainer

    quickstart(table).run()
    changed = SklearnTrainer(estimator="LogisticRegression", parameters={"C": 0.1})
    run = quickstart(table, trainer=changed).run()
    states = {step_id: str(step.state) for step_id, step in run.steps.items()}
    assert states == {
        "data": "CACHED",
        "split": "CACHED",
        "preprocesser": "CACHED",
        "trainer": "COMPLETE",
        "evaluator": "COMPLETE",
    }


def test_an_artifact_that_was_deleted_or_changed_is_made_again(project: Path, table: Path) -> None:
    from quickstart_for_tests import quickstart

    run = quickstart(table).run()
    shutil.rmtree(run.steps["split"].outputs["examples"].path)
    again = quickstart(table).run()
    assert again.steps["split"].state == "COMPLETE"
    assert again.steps["trainer"].state == "CACHED"
    assert again.metrics == run.metrics


def test_yaml_is_a_fixed_point_and_gives_the_same_fingerprints_in_another_repository(
    project: Path, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from quickstart_for_tests import quickstart

    pipeline = quickstart("data/diabetes.csv")
    text = pipeline.to_yaml("quickstart.yaml")
    assert "path: data/diabetes.csv" in text
    assert "examples: split.examples" in text
    again = Pipeline.from_yaml("quickstart.yaml")
    assert again == pipeline
    assert again.to_yaml() == text
    first = pipeline.run()

    other = tmp_path / "another clone"
    other.mkdir()
    shutil.copytree(project / "data", other / "data")
    shutil.copy("quickstart.yaml", other)
    monkeypatch.chdir(other)
    Repository.init(other)
    second = Pipeline.from_yaml("quickstart.yaml").run()
    assert [step.record.fingerprint for step in second.steps.values()] == [
        step.record.fingerprint for step in first.steps.values()
    ]
    assert second.metrics == first.metrics
    assert artifacts(other / ".zenml/artifacts") == artifacts(project / ".zenml/artifacts")


def test_a_subprocess_run_gives_the_same_bytes(table: Path, tmp_path: Path) -> None:
    from quickstart_for_tests import quickstart

    from zenml.backends.orchestrator import OrchestratorSubprocessBackend
    from zenml.metadata import SQLiteMetadataStore

    here, there = tmp_path / "here", tmp_path / "there"
    local = quickstart(table).run(artifact_store=ArtifactStore(str(here)))
    remote = quickstart(table).run(
        backend=OrchestratorSubprocessBackend(),
        metadata_store=SQLiteMetadataStore(path=str(tmp_path / "other.db")),
        artifact_store=ArtifactStore(str(there)),
    )
    assert remote.state == "COMPLETE"
    assert {step.state for step in remote.steps.values()} == {"COMPLETE"}
    assert remote.metrics == local.metrics
    assert [step.record.fingerprint for step in remote.steps.values()] == [
        step.record.fingerprint for step in local.steps.values()
    ]
    assert artifacts(there) == artifacts(here)
    status = json.loads((there / "runs" / remote.id / "status.json").read_text())
    assert status["state"] == "COMPLETE"
    assert "evaluator" in remote.job_output()


def test_a_failed_subprocess_run_says_failed_and_why(table: Path) -> None:
    from quickstart_for_tests import quickstart

    from zenml.backends.orchestrator import OrchestratorSubprocessBackend
    from zenml.steps.preprocesser import StandardPreprocesser

    wrong = StandardPreprocesser(features=["bmi", "agee"], labels=["has_diabetes"])
    with pytest.raises(RunFailed, match=r"agee.*Did you mean age\?"):
        quickstart(table, preprocesser=wrong).run(backend=OrchestratorSubprocessBackend())
    (run,) = Repository.get_instance().get_runs()
    assert run.state == "FAILED"
    assert {step_id: str(step.state) for step_id, step in run.steps.items()} == {
        "data": "COMPLETE",
        "split": "COMPLETE",
        "preprocesser": "FAILED",
        "trainer": "SKIPPED",
        "evaluator": "SKIPPED",
    }
