"""What this distribution offers to ZenML; importing it does not import ml-metadata."""

from __future__ import annotations

from zenml.plugins import Spec, hookimpl

ZENML_HOOK_API = ">=1,<2"


@hookimpl
def zenml_metadata_stores() -> list[Spec]:
    """Offer the store through the ml-metadata library."""
    return [
        Spec(
            "MLMDMetadataStore",
            "metadata-store",
            "zenml_mlmd.store:MLMDMetadataStore",
            "Records runs through the ml-metadata library: in SQLite, MySQL or its gRPC server",
        )
    ]
