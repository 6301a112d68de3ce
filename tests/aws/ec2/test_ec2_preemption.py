"""An instance is taken away at any stage of a run: another one follows, and the run goes on to its end."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from aws_double import AwsDouble
from ec2_jobs import Make, leaving_nothing, small
from job_stages import STAGES, wait_at

from zenml.metadata.records import State
from zenml_aws.ec2.backend import OrchestratorAWSBackend


@pytest.mark.parametrize("stage", STAGES)
def test_a_run_goes_on_wherever_its_instance_is_taken_away(
    stage: str,
    aws: AwsDouble,
    backend: Make,
    project: Path,
    diabetes: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(OrchestratorAWSBackend, "reaches_local_files", True)
    shutil.copy(diabetes, project)
    made = backend(spot=True, environment=wait_at(stage, tmp_path / "stage"))
    with leaving_nothing(aws):
        run = small("Taken").run(backend=made, wait=False)
        aws.wait_for((tmp_path / "stage" / "reached").exists)
        aws.running_machine().cut("Server.SpotInstanceTermination", "taken")
        aws.wait_for(lambda: made.look(run.id, run.store).state.ended)
        made.clean_up(run.id)
    assert run.state is State.COMPLETE, run.error
    assert [step.state for step in run.steps.values()] == [State.COMPLETE] * 2
    assert len(aws.machines) == 2
