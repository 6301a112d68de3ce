"""What this distribution offers to ZenML; importing it imports no PySpark and starts no Java."""

from __future__ import annotations

from zenml.plugins import Capability, Spec, hookimpl

ZENML_HOOK_API = ">=1,<2"


@hookimpl
def zenml_processing_backends() -> list[Spec]:
    """Offer the engine on Spark."""
    return [
        Spec(
            "ProcessingSparkBackend",
            "processing",
            "zenml_spark.backend:ProcessingSparkBackend",
            "Works on shards as tasks of Apache Spark, on this machine or a cluster",
            (Capability.DISTRIBUTED, Capability.RETRIES),
        )
    ]
