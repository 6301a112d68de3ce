"""What this distribution offers to ZenML; importing it imports no SDK."""

from __future__ import annotations

from zenml.plugins import Spec, hookimpl

ZENML_HOOK_API = ">=1,<2"


@hookimpl
def zenml_artifact_stores() -> list[Spec]:
    """Offer S3, under the scheme of its URLs."""
    return [Spec("s3", "artifact-store", "zenml_aws.artifact_store:S3ArtifactStore", "Keeps artifacts in an S3 bucket")]
