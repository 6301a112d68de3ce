"""What this distribution offers to ZenML; importing it imports no SDK."""

from __future__ import annotations

from zenml.plugins import Capability, Spec, hookimpl

ZENML_HOOK_API = ">=1,<2"


@hookimpl
def zenml_orchestrator_backends() -> list[Spec]:
    """Offer the orchestrator on EC2."""
    return [
        Spec(
            "OrchestratorAWSBackend",
            "orchestrator",
            "zenml_aws.ec2.backend:OrchestratorAWSBackend",
            "Runs the pipeline in a container on an EC2 instance of its own",
            (
                Capability.LOGS,
                Capability.CANCEL,
                Capability.SPOT,
                Capability.GPU,
                Capability.SECRETS,
                Capability.DEADLINE,
            ),
        )
    ]


@hookimpl
def zenml_processing_backends() -> list[Spec]:
    """Offer the engine on EMR."""
    return [
        Spec(
            "ProcessingEMRBackend",
            "processing",
            "zenml_aws.emr.backend:ProcessingEMRBackend",
            "Works on shards as a Spark application on EMR Serverless, or on an EMR cluster",
            (Capability.DISTRIBUTED, Capability.CANCEL, Capability.DEADLINE, Capability.RETRIES),
        )
    ]


@hookimpl
def zenml_training_backends() -> list[Spec]:
    """Offer training on SageMaker."""
    capabilities = (
        Capability.LOGS,
        Capability.CANCEL,
        Capability.SPOT,
        Capability.GPU,
        Capability.DEADLINE,
        Capability.RETRIES,
    )
    return [
        Spec(
            "TrainingSagemakerBackend",
            "training",
            "zenml_aws.sagemaker.backend:TrainingSagemakerBackend",
            "Trains in a training job of Amazon SageMaker, on an instance of its own",
            capabilities,
        ),
        Spec(
            "DistributedTrainingSagemakerBackend",
            "training",
            "zenml_aws.sagemaker.distributed:DistributedTrainingSagemakerBackend",
            "Trains with PyTorch in a training job of Amazon SageMaker, on several instances or GPUs",
            (*capabilities, Capability.DISTRIBUTED),
        ),
    ]


@hookimpl
def zenml_artifact_stores() -> list[Spec]:
    """Offer S3, under the scheme of its URLs."""
    return [Spec("s3", "artifact-store", "zenml_aws.artifact_store:S3ArtifactStore", "Keeps artifacts in an S3 bucket")]
