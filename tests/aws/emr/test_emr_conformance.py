"""The engine on EMR, under the suite of the conformance kit.

Drivers run in fresh processes with a stand-in for PySpark; `ZENML_EMR_ENGINE=spark` gives them Spark, which takes
minutes. What runs on Spark in any case is in `test_emr_pipelines`.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from emr_double import EmrDouble
from emr_jobs import Make

from zenml.backends.interfaces import ProcessingBackend
from zenml.testing.processing_backend import ProcessingBackendConformance

DOUBLE = "spark_emr" if os.environ.get("ZENML_EMR_ENGINE") == "spark" else "emr"


@pytest.mark.xdist_group("emr")
class TestServerless(ProcessingBackendConformance):
    @pytest.fixture
    def backend(self, request: pytest.FixtureRequest, make: Make, tmp_path: Path) -> ProcessingBackend:
        """Return the engine, whose machines see none of the files of this one."""
        double: EmrDouble = request.getfixturevalue(DOUBLE)
        double.host.hidden += [tmp_path / "data", tmp_path / "there", tmp_path / "out"]
        return make(application_id=double.serverless.add())
