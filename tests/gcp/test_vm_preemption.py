"""A spot machine is taken away at any stage of a run: it is started again, and the run goes on to its end."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from gcp_jobs import Make, one_step
from google_double import GoogleDouble
from google_double.compute import Compute
from google_double.machine import World
from job_stages import STAGES, wait_at

from zenml.metadata.records import State
from zenml_gcp.vm.backend import OrchestratorGCPBackend


@pytest.mark.parametrize("stage", STAGES)
def test_a_run_goes_on_wherever_its_machine_is_preempted(
    stage: str,
    google: GoogleDouble,
    compute: Compute,
    world: World,
    backend: Make,
    project: Path,
    diabetes: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(OrchestratorGCPBackend, "reaches_local_files", True)
    shutil.copy(diabetes, project)
    world.image_variables |= wait_at(stage, tmp_path / "stage")
    made = backend(preemptible=True)
    run = one_step("diabetes.csv", "Taken").run(backend=made, wait=False)
    google.wait_for((tmp_path / "stage" / "reached").exists)
    compute.preempt(f"zenml-{run.id}")
    google.wait_for(lambda: made.look(run.id, run.store).state.ended)
    assert run.state is State.COMPLETE, run.error
    assert [step.state for step in run.steps.values()] == [State.COMPLETE]
    assert compute.machine(f"zenml-{run.id}").boots == 2
    google.wait_for(lambda: compute.names() == [])
    assert made.list_runs() == []
