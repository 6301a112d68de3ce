from __future__ import annotations

from pathlib import Path

import pytest

from zenml.testing.linear_network import LinearNetwork
from zenml.testing.remote_training import FreshMachinesBackend
from zenml.testing.training_backend import RemoteTrainingBackendConformance


class TestFreshMachines(RemoteTrainingBackendConformance):
    EPOCHS = 40

    @pytest.fixture
    def backend(self, tmp_path: Path) -> FreshMachinesBackend:
        return FreshMachinesBackend(staging_location=str(tmp_path / "bucket"))

    @pytest.fixture
    def trainer(self):
        return lambda **config: LinearNetwork(**{"epoch_seconds": 0.02, **config})
