"""What this distribution offers to ZenML; importing it imports no SDK."""

from __future__ import annotations

from zenml.plugins import Spec, hookimpl

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
