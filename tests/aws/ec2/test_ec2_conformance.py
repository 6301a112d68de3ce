"""The suite of every remote orchestrator, on the double of AWS."""

from __future__ import annotations

from typing import Any

import pytest
from aws_double import AwsDouble
from ec2_jobs import Make

from zenml.runtime.remote import RemoteOrchestratorBackend
from zenml.runtime.run import Run
from zenml.testing.orchestrator import RemoteOrchestratorConformance
from zenml_aws.ec2.backend import OrchestratorAWSBackend


class TestEC2(RemoteOrchestratorConformance):
    @pytest.fixture
    def backend(self, aws: AwsDouble, backend: Make, monkeypatch: pytest.MonkeyPatch) -> Any:
        """Its machines, which are processes here, see this machine's files."""
        monkeypatch.setattr(OrchestratorAWSBackend, "reaches_local_files", True)
        self.aws = aws
        return backend(spot=True)

    def preempt(self, backend: RemoteOrchestratorBackend, run: Run) -> None:
        machine = self.aws.running_machine()
        machine.take_away()
        self.aws.wait_for(machine.over.is_set)

    def bounded(self, backend: RemoteOrchestratorBackend, seconds: int) -> RemoteOrchestratorBackend:
        return backend.model_copy(update={"deadline_seconds": seconds})
