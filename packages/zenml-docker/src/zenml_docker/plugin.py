"""What this distribution offers to ZenML; importing it imports no client of Docker."""

from __future__ import annotations

from zenml.plugins import Capability, Spec, hookimpl

ZENML_HOOK_API = ">=1,<2"


@hookimpl
def zenml_orchestrator_backends() -> list[Spec]:
    """Offer the orchestrator on a Docker engine."""
    return [
        Spec(
            "OrchestratorDockerBackend",
            "orchestrator",
            "zenml_docker.backend:OrchestratorDockerBackend",
            "Runs the packaged pipeline in a container of a Docker engine",
            (Capability.LOGS, Capability.CANCEL, Capability.GPU, Capability.SECRETS, Capability.DEADLINE),
        )
    ]
