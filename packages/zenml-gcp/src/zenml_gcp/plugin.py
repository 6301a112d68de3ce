"""What this distribution offers to ZenML; importing it imports no SDK."""

from __future__ import annotations

from zenml.plugins import Capability, Spec, hookimpl

ZENML_HOOK_API = ">=1,<2"


@hookimpl
def zenml_artifact_stores() -> list[Spec]:
    """Offer Cloud Storage, under the scheme of its URLs."""
    return [
        Spec(
            "gs",
            "artifact-store",
            "zenml_gcp.artifact_store:GCSArtifactStore",
            "Keeps artifacts in a bucket of Google Cloud Storage",
        )
    ]


@hookimpl
def zenml_datasources() -> list[Spec]:
    """Offer BigQuery."""
    return [
        Spec(
            "BigQueryDatasource",
            "datasource",
            "zenml_gcp.bigquery.datasource:BigQueryDatasource",
            "Reads a table or a query of Google BigQuery, by the Storage Read API",
        )
    ]


@hookimpl
def zenml_orchestrator_backends() -> list[Spec]:
    """Offer the orchestrator on machines of Compute Engine."""
    return [
        Spec(
            "OrchestratorGCPBackend",
            "orchestrator",
            "zenml_gcp.vm.backend:OrchestratorGCPBackend",
            "Runs the pipeline on a machine of Compute Engine that is made for it",
            (
                Capability.LOGS,
                Capability.CANCEL,
                Capability.SPOT,
                Capability.GPU,
                Capability.SECRETS,
                Capability.DEADLINE,
                Capability.RETRIES,
            ),
        )
    ]


@hookimpl
def zenml_processing_backends() -> list[Spec]:
    """Offer Dataflow."""
    return [
        Spec(
            "ProcessingDataFlowBackend",
            "processing",
            "zenml_gcp.dataflow.backend:ProcessingDataFlowBackend",
            "Works on shards in Apache Beam pipelines on Google Cloud Dataflow",
            (Capability.DISTRIBUTED,),
        )
    ]


@hookimpl
def zenml_training_backends() -> list[Spec]:
    """Offer Vertex AI, under the names of AI Platform, which it came after."""
    capabilities = (Capability.LOGS, Capability.CANCEL, Capability.SPOT, Capability.GPU, Capability.DEADLINE)
    return [
        Spec(
            "SingleGPUTrainingGCAIPBackend",
            "training",
            "zenml_gcp.vertex.single_gpu:SingleGPUTrainingGCAIPBackend",
            "Trains on one machine of Vertex AI with one accelerator",
            capabilities,
        ),
        Spec(
            "TrainingGCAIPBackend",
            "training",
            "zenml_gcp.vertex.replicated:TrainingGCAIPBackend",
            "Trains PyTorch models on several machines or accelerators of Vertex AI",
            (*capabilities, Capability.DISTRIBUTED),
        ),
    ]
