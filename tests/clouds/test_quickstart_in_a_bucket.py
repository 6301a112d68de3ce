"""The quickstart with its artifacts behind a URL: the same bytes as here, cached for whoever shares the stores."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from zenml.artifacts.read_cache import FOLDER_VARIABLE
from zenml.pipelines import Pipeline
from zenml.runtime.run import Run

Block = Callable[[str], dict[str, object]]


def digests(run: Run) -> dict[str, str]:
    return {f"{name}.{out}": row.digest for name, step in run.steps.items() for out, row in step.outputs.items()}


def planted_in(folder: Path) -> list[str]:
    """Files that hold the secret key."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return [str(path) for path in files if os.environ["TEST_SECRET_KEY"].encode() in path.read_bytes()]


@pytest.mark.parametrize("scheme", ["s3", "gs"])
def test_a_spec_runs_in_a_bucket_and_is_cached_elsewhere(
    project: Path, diabetes: Path, store_block: Block, tmp_path: Path, scheme: str
) -> None:
    from quickstart_for_tests import quickstart

    shutil.copy(diabetes, project)
    here = quickstart("diabetes.csv", "Here").run()
    file = project / "there.yaml"
    quickstart("diabetes.csv", "There").to_yaml(file)
    spec = yaml.safe_load(file.read_text())
    spec["run"] = {"artifact_store": store_block(scheme)}
    file.write_text(yaml.safe_dump(spec))
    there = Pipeline.from_yaml(file)
    there.to_yaml(file)
    assert yaml.safe_load(file.read_text())["run"] == spec["run"]

    run = there.run()
    assert {str(step.state) for step in run.steps.values()} == {"COMPLETE"}
    assert digests(run) == digests(here)
    for name, step in run.steps.items():
        for output, row in step.outputs.items():
            mine = here.steps[name].outputs[output].path
            theirs = {path.relative_to(row.path): path.read_bytes() for path in row.path.rglob("*") if path.is_file()}
            assert theirs == {name: (mine / name).read_bytes() for name in theirs}
            assert len(theirs) == sum(path.is_file() for path in mine.rglob("*")) - 1  # the manifest is not fetched

    cold = tmp_path / "cold"
    done = subprocess.run(
        [sys.executable, "-m", "zenml.cli.main", "pipeline", "run", str(file)],
        env={**os.environ, FOLDER_VARIABLE: str(cold)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("CACHED") == 5
    assert not (cold / "entries").exists()  # a hit needs no file
    assert planted_in(tmp_path) == []
    assert os.environ["TEST_SECRET_KEY"] not in done.stdout + done.stderr


def test_a_packaged_job_is_given_the_options_of_its_store(
    project: Path, diabetes: Path, store_block: Block, tmp_path: Path
) -> None:
    from zenml.backends.orchestrator import OrchestratorSubprocessBackend
    from zenml.datasources import CSVDatasource
    from zenml.pipelines import DataPipeline
    from zenml.repo import ArtifactStore
    from zenml.spec.model import ComponentSpec
    from zenml.steps.split import RandomSplit

    shutil.copy(diabetes, project)
    pipeline = DataPipeline(name="Packaged")
    pipeline.add_datasource(CSVDatasource(name="Pima", path="diabetes.csv"))
    pipeline.add_step(RandomSplit(split_map={"train": 0.7, "eval": 0.3}))
    block = json.loads(json.dumps(store_block("s3")))
    store = ArtifactStore.from_spec(ComponentSpec(**block))
    run = pipeline.run(backend=OrchestratorSubprocessBackend(), artifact_store=store)
    assert run.state == "COMPLETE"
    assert run.steps["random_split"].outputs["examples"].uri.startswith(store.path)
    assert planted_in(tmp_path) == []
