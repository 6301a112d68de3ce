"""The engine on Spark in processes of this machine, under the suite of the conformance kit."""

from __future__ import annotations

import pytest

from zenml.backends.interfaces import ProcessingBackend
from zenml.testing.processing_backend import ProcessingBackendConformance
from zenml_spark.backend import ProcessingSparkBackend


@pytest.mark.xdist_group("spark")
@pytest.mark.usefixtures("spark")
class TestSpark(ProcessingBackendConformance):
    @pytest.fixture
    def backend(self) -> ProcessingBackend:
        return ProcessingSparkBackend(master="local[2]", conf={"spark.driver.memory": "512m"})
