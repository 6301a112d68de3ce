"""The engine on Beam's own runner, in this process and in others, under the suite of the conformance kit."""

from __future__ import annotations

import pytest

from zenml.backends.interfaces import ProcessingBackend
from zenml.testing.processing_backend import ProcessingBackendConformance
from zenml_beam.backend import ProcessingBeamBackend


class TestBeam(ProcessingBackendConformance):
    @pytest.fixture
    def backend(self) -> ProcessingBackend:
        return ProcessingBeamBackend()


class TestBeamInThreads(ProcessingBackendConformance):
    @pytest.fixture
    def backend(self) -> ProcessingBackend:
        return ProcessingBeamBackend(
            runner="apache_beam.runners.portability.fn_api_runner.FnApiRunner",
            pipeline_options={"direct_num_workers": 3, "direct_running_mode": "multi_threading"},
        )
