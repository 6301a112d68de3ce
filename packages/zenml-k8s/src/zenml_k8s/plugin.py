"""What this distribution offers to ZenML; importing it imports no client of Kubernetes."""

from __future__ import annotations

from zenml.plugins import Capability, Spec, hookimpl

ZENML_HOOK_API = ">=1,<2"


@hookimpl
def zenml_orchestrator_backends() -> list[Spec]:
    """Offer the orchestrator on Kubernetes."""
    return [
        Spec(
            "OrchestratorKubernetesBackend",
            "orchestrator",
            "zenml_k8s.backend:OrchestratorKubernetesBackend",
            "Runs the pipeline as a Job on a Kubernetes cluster",
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
