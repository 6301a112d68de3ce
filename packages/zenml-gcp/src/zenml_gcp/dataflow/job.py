"""The job that Dataflow is asked for; a pure function of the backend's fields and of what was staged."""

from __future__ import annotations

import hashlib
import platform
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zenml_gcp.dataflow.pipeline import StagedPipeline

if TYPE_CHECKING:
    from zenml_gcp.dataflow.backend import ProcessingDataFlowBackend

_NAME = re.compile(r"zenml-(r[a-z0-9]{19})-[0-9a-f]{16}")
_PROTOCOL = "8"
"""The version of the protocol between Dataflow and portable workers."""

_ENDPOINT = "https://dataflow.googleapis.com"
_ALGORITHMS = {"THROUGHPUT_BASED": "AUTOSCALING_ALGORITHM_BASIC", "NONE": "AUTOSCALING_ALGORITHM_NONE"}


def job_name(run_id: str, id_: str) -> str:
    """Return the name of the job for a staged job of a run; Dataflow takes one active job of a name."""
    return f"zenml-{run_id}-{id_}"


def run_of(name: str) -> str:
    """Return the run of a job by its name; empty for a job of others."""
    found = _NAME.fullmatch(name)
    return found[1] if found else ""


def job_body(
    backend: ProcessingDataFlowBackend,
    name: str,
    labels: Mapping[str, str],
    folder: str,
    pipeline: StagedPipeline,
    request_id: str,
) -> dict[str, Any]:
    """Return the job as it is sent.

    Args:
        backend: its fields.
        name: of the job.
        labels: of the run.
        folder: URL of the staged job, where the pipeline is `pipeline.pb`.
        pipeline: the pipeline.
        request_id: the same whenever the call is made again.
    """
    return {
        "name": name,
        "type": "JOB_TYPE_BATCH",
        "clientRequestId": request_id,
        "labels": {**backend.extra_labels, **labels},
        "environment": {
            "clusterManagerApiService": "compute.googleapis.com",
            "dataset": "bigquery.googleapis.com/cloud_dataflow",
            "experiments": ["use_multiple_sdk_containers"],
            "sdkPipelineOptions": {"options": _options(backend, name, folder, pipeline), "display_data": []},
            "tempStoragePrefix": f"storage.googleapis.com/{folder.removeprefix('gs://')}/temp",
            "userAgent": {
                "name": f"Apache Beam Python {_python()} SDK",
                "version": pipeline.beam_version,
            },
            "version": {"job_type": "FNAPI_BATCH", "major": _PROTOCOL},
            "workerPools": [_worker_pool(backend, pipeline)],
            **({"serviceAccountEmail": backend.service_account} if backend.service_account else {}),
        },
    }


def _worker_pool(backend: ProcessingDataFlowBackend, pipeline: StagedPipeline) -> dict[str, Any]:
    scaling: dict[str, Any] = {"algorithm": _ALGORITHMS[backend.autoscaling_algorithm]}
    if backend.max_num_workers:
        scaling["maxNumWorkers"] = backend.max_num_workers
    chosen = {
        "numWorkers": backend.num_workers,
        "machineType": backend.machine_type,
        "diskSizeGb": backend.disk_size_gb,
        "network": backend.network,
        "subnetwork": f"regions/{backend.region}/subnetworks/{backend.subnetwork}" if backend.subnetwork else None,
        "ipConfiguration": None if backend.external_ip else "WORKER_IP_PRIVATE",
    }
    return {
        "kind": "harness",
        "autoscalingSettings": scaling,
        "numThreadsPerWorker": 1,
        "sdkHarnessContainerImages": [
            {
                "containerImage": backend.image,
                "environmentId": pipeline.environment_id,
                "capabilities": list(pipeline.capabilities),
                "useSingleCorePerContainer": True,
            }
        ],
        "taskrunnerSettings": {"parallelWorkerSettings": {"baseUrl": _ENDPOINT, "servicePath": _ENDPOINT}},
        "workerHarnessContainerImage": backend.image,
        **{key: value for key, value in chosen.items() if value is not None},
    }


def _options(backend: ProcessingDataFlowBackend, name: str, folder: str, pipeline: StagedPipeline) -> dict[str, Any]:
    """Return what Beam's workers know of how they were started."""
    return {
        "runner": "DataflowRunner",
        "project": backend.project,
        "region": backend.region,
        "job_name": name,
        "staging_location": folder,
        "temp_location": f"{folder}/temp",
        "sdk_container_image": backend.image,
        "sdk_location": "container",
        "experiments": ["use_multiple_sdk_containers"],
        "number_of_worker_harness_threads": 1,
        "pipelineUrl": f"{folder}/pipeline.pb",
        "pipelineProtoHash": hashlib.sha256(pipeline.data).hexdigest(),
    }


def _python() -> str:
    return ".".join(platform.python_version_tuple()[:2])
