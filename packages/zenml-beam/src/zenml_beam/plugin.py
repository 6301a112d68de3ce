"""What this distribution offers to ZenML; importing it imports no Apache Beam."""

from __future__ import annotations

from zenml.plugins import Capability, Spec, hookimpl

ZENML_HOOK_API = ">=1,<2"


@hookimpl
def zenml_processing_backends() -> list[Spec]:
    """Offer the engine on Beam runners."""
    return [
        Spec(
            "ProcessingBeamBackend",
            "processing",
            "zenml_beam.backend:ProcessingBeamBackend",
            "Works on shards in an Apache Beam pipeline, on any runner",
            (Capability.DISTRIBUTED,),
        )
    ]
