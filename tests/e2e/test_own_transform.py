"""A user's own transform and a group in a whole pipeline: from YAML, in another process, and after an edit."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from zenml.pipelines import Pipeline
from zenml.repo import Repository

TRANSFORM = """
import pyarrow.compute as pc
from zenml.data.transforms import CustomTransform, ValueType

class FromLowest(CustomTransform):
    GIVES = ValueType.FLOAT

    def update(self, state, values):
        lowest = pc.min(values).as_py()
        return {"lowest": min(state.get("lowest", lowest), lowest)}

    def merge(self, state, other):
        return {"lowest": min(state["lowest"], other["lowest"])}

    def apply(self, values, learned):
        return pc.cast(pc.subtract(values, learned["lowest"]), "double")
"""


def states(project: Path, file: Path) -> dict[str, str]:
    """Run a pipeline file in a fresh process, where nothing but the source roots leads to the module."""
    command = [sys.executable, "-P", "-m", "zenml.cli.main", "pipeline", "run", str(file)]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {name: str(step.state) for name, step in Repository.get_instance().get_runs()[0].steps.items()}


def test_it_runs_from_yaml_and_elsewhere_and_an_edit_of_it_runs_the_steps_again(
    project: Path, diabetes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from quickstart_for_tests import FEATURES, quickstart

    from zenml.backends.orchestrator import OrchestratorSubprocessBackend
    from zenml.steps.preprocesser import StandardPreprocesser

    (project / "data").mkdir()
    shutil.copy(diabetes, project / "data")
    module = project / "own_transform_for_tests.py"
    module.write_text(TRANSFORM)
    monkeypatch.syspath_prepend(str(project))
    step = StandardPreprocesser(
        features=FEATURES,
        labels=["has_diabetes"],
        overwrite={
            "age": {"transform": [{"method": "own_transform_for_tests:FromLowest"}, {"method": "log"}]},
            "pedigree": {"transform": [{"method": "bucketize", "parameters": {"num_buckets": 5}}]},
        },
        groups={"sugar": {"features": ["pgc", "bmi"], "method": "pca", "parameters": {"n_components": 1}}},
    )
    pipeline = quickstart("data/diabetes.csv", preprocesser=step)
    file = project / "pipeline.yaml"
    pipeline.to_yaml(file)
    assert Pipeline.from_yaml(file).to_yaml() == pipeline.to_yaml()
    elsewhere = Pipeline.from_yaml(file).run(backend=OrchestratorSubprocessBackend())
    assert {str(found.state) for found in elsewhere.steps.values()} == {"COMPLETE"}
    assert elsewhere.metrics["roc_auc"] > 0.7
    assert set(states(project, file).values()) == {"CACHED"}
    module.write_text(TRANSFORM.replace('learned["lowest"]), "double"', 'learned["lowest"] - 1), "double"'))
    again = states(project, file)
    assert (again["data"], again["split"]) == ("CACHED", "CACHED")
    assert {again[name] for name in ("preprocesser", "trainer", "evaluator")} == {"COMPLETE"}
