"""What Dataflow is asked for: as Beam's own runner asks for it, and the same however often it is asked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from google_double.discovery import document

from zenml.datasources import CSVDatasource
from zenml.pipelines import DataPipeline
from zenml.steps.split import NoSplit

pytestmark = pytest.mark.xdist_group("dataflow")
FOLDER = "gs://my-bucket/staging/shards/rmabcdefgh0123456789/0123456789abcdef"


def body(**options: Any) -> dict[str, Any]:
    pytest.importorskip("apache_beam", reason="Run: pip install zenml-gcp[dataflow]")
    from zenml_gcp.dataflow.backend import ProcessingDataFlowBackend
    from zenml_gcp.dataflow.job import job_body
    from zenml_gcp.dataflow.pipeline import build_pipeline

    usual = {"project": "my-project", "staging_location": "gs://my-bucket/staging", "image": "eu.gcr.io/p/i:1"}
    backend = ProcessingDataFlowBackend(**{**usual, **options})
    pipeline = build_pipeline(FOLDER, [0, 1, 2], backend.image, "split rows")
    return job_body(backend, "zenml-x", {"zenml-run": "rmabcdefgh0123456789"}, FOLDER, pipeline, "one")


EVERYTHING = {
    "machine_type": "n2-highmem-4",
    "num_workers": 2,
    "max_num_workers": 7,
    "disk_size_gb": 80,
    "service_account": "workers@my-project.iam.gserviceaccount.com",
    "network": "net",
    "subnetwork": "sub",
    "external_ip": False,
    "extra_labels": {"team": "churn"},
}


@pytest.mark.parametrize("options", [{}, EVERYTHING])
def test_a_job_is_as_the_service_s_own_document_says(options: dict[str, Any]) -> None:
    made = body(**options)
    method = "dataflow.projects.locations.jobs.create"
    assert document("dataflow.v1b3").schemas.of_request("Job", made, method, "POST") == []


def test_a_plan_shows_the_job_as_it_would_be_sent(project: Path) -> None:
    pytest.importorskip("apache_beam", reason="Run: pip install zenml-gcp[dataflow]")
    from zenml_gcp.dataflow.backend import ProcessingDataFlowBackend

    (project / "table.csv").write_text("a,b\n1,x\n")
    backend = ProcessingDataFlowBackend(project="my-project", staging_location="gs://my-bucket/staging")
    pipeline = DataPipeline(name="Planned").add_datasource(CSVDatasource(name="Table", path="table.csv"))
    (made,) = pipeline.add_step(NoSplit().with_backend(backend), id="split").plan().resources
    method = "dataflow.projects.locations.jobs.create"
    assert document("dataflow.v1b3").schemas.of_request("Job", dict(made.body), method, "POST") == []
    assert made.name == made.body["name"]
    assert made.body["labels"]["zenml-pipeline"] == "planned"


@pytest.mark.parametrize("options", [{}, EVERYTHING])
def test_its_environment_is_the_one_that_beam_s_own_runner_asks_for(options: dict[str, Any]) -> None:
    try:
        from apache_beam.runners.dataflow.internal import apiclient
    except ImportError as error:
        pytest.skip(f"{error}. Run: pip install apache-beam[gcp]")
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.portability.api import beam_runner_api_pb2
    from google.cloud import dataflow_v1beta3

    from zenml_gcp.dataflow.pipeline import build_pipeline

    made = body(**options)
    pipeline = build_pipeline(FOLDER, [0, 1, 2], "eu.gcr.io/p/i:1", "split rows")
    own = made["environment"].pop("sdkPipelineOptions")["options"]
    chosen = {key: value for key, value in own.items() if key not in ("runner", "pipelineUrl", "pipelineProtoHash")}
    pool = {"service_account": "service_account_email", "external_ip": "use_public_ips", "extra_labels": None}
    chosen |= {pool.get(key, key): value for key, value in options.items() if pool.get(key, key)}
    if "subnetwork" in chosen:
        chosen["subnetwork"] = f"regions/europe-west1/subnetworks/{chosen['subnetwork']}"
    beam = apiclient.Environment(
        packages=[],
        options=PipelineOptions.from_dictionary({**chosen, "autoscaling_algorithm": "THROUGHPUT_BASED"}),
        environment_version=apiclient._FNAPI_ENVIRONMENT_MAJOR_VERSION,
        proto_pipeline_staged_url=own["pipelineUrl"],
        proto_pipeline=beam_runner_api_pb2.Pipeline.FromString(pipeline.data),
        pipeline_proto_hash=own["pipelineProtoHash"],
    )
    kind = dataflow_v1beta3.Environment
    read = {"use_integers_for_enums": False, "always_print_fields_with_no_presence": False}
    theirs = json.loads(kind.to_json(beam.proto, **read))
    their_options = theirs.pop("sdkPipelineOptions")["options"]
    mine = json.loads(kind.to_json(kind.from_json(json.dumps(made["environment"])), **read))
    assert mine == theirs
    assert {key: their_options[key] for key in own if key != "runner"} == {
        key: value for key, value in own.items() if key != "runner"
    }


def test_the_listing_module_imports_no_sdk() -> None:
    script = (
        "import sys\n"
        "import zenml_gcp.plugin\n"
        "sdks = {'apache_beam', 'gcsfs', 'google.auth', 'google.cloud.dataflow_v1beta3', 'zenml_beam'}\n"
        "assert not sdks & set(sys.modules)\n"
        "from zenml.backends.processing import ProcessingDataFlowBackend\n"
        "ProcessingDataFlowBackend(project='my-project', staging_location='gs://my-bucket/x')\n"
        "assert not sdks & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
