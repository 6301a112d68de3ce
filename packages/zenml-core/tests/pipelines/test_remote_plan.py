from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

from zenml.artifacts.store import ArtifactStore
from zenml.backends.orchestrator import OrchestratorSubprocessBackend
from zenml.errors import SpecError
from zenml.pipelines import Pipeline


class _Elsewhere(OrchestratorSubprocessBackend):
    """As one that reaches no files of this machine."""

    @property
    def reaches_local_files(self) -> bool:
        return False


def test_a_plan_shows_what_would_be_made_and_makes_nothing(
    project: Path, steps: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline = Pipeline(name="Mine").add_step(steps.Note()).add_step(steps.Repeat())
    plan = pipeline.plan(backend=OrchestratorSubprocessBackend())
    (resource,) = plan.resources
    assert resource.body["labels"]["zenml-pipeline"] == "mine"
    assert resource.body["command"][1:4] == ["-m", "zenml.entrypoint", "run"]
    assert list(plan.package) == ["steps_for_tests.py"]
    assert plan.package["steps_for_tests.py"] == (project / "steps_for_tests.py").stat().st_size
    plan.print()
    shown = capsys.readouterr().out
    assert "Code package: 1 files" in shown
    assert f"process: {resource.name}" in shown
    assert json.loads(json.dumps(plan.to_json()))["resources"][0]["kind"] == "process"
    assert not (project / ".zenml/artifacts/runs").exists()
    assert not (project / ".zenml/submitted").exists()


def test_stores_that_a_job_cannot_reach_are_told_with_what_to_set(project: Path, steps: ModuleType) -> None:
    pipeline = Pipeline(name="Mine").add_step(steps.Note())
    for refused in (pipeline.plan, pipeline.run):
        with pytest.raises(SpecError) as caught:
            refused(backend=_Elsewhere(), artifact_store=ArtifactStore(str(project / "here")))
        first, second = caught.value.problems
        assert "metadata.db, which a job elsewhere cannot reach" in first.what
        assert "zenml config metadata set" in first.mend
        assert f"{project}/here, which a job elsewhere cannot reach" in second.what
        assert "zenml config artifacts set" in second.mend
    assert not (project / "here").exists()
