"""The Job and the Secret of a run, as they are sent; pure functions of the backend's fields and the job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml.runtime.remote_job import EXIT_CANCELED, EXIT_FAILED, EXIT_PREEMPTED, RemoteJob

if TYPE_CHECKING:
    from zenml_k8s.backend import OrchestratorKubernetesBackend

RUN_LABEL = "zenml-run"
"""Label of everything that belongs to a run; its value is the run's id."""
PIPELINE_LABEL = "zenml-pipeline"
"""Label that holds the name of the pipeline as a slug."""
CONTAINER = "zenml"
"""Name of the one container."""
SCRATCH = "/tmp"  # noqa: S108 - a path in the container, on a volume of its own
"""Where the one folder is that the job can write to."""


def job_manifest(backend: OrchestratorKubernetesBackend, job: RemoteJob, name: str) -> dict[str, Any]:
    """Return the Job."""
    labels = {**backend.extra_labels, "app.kubernetes.io/managed-by": "zenml", **job.labels}
    spec: dict[str, Any] = {
        "completions": 1,
        "parallelism": 1,
        "backoffLimit": backend.backoff_limit,
        "podReplacementPolicy": "Failed",
        "podFailurePolicy": {"rules": _failure_rules()},
        "template": {"metadata": _metadata(labels, backend.extra_annotations), "spec": _pod(backend, job, name)},
    }
    if backend.ttl_seconds_after_finished is not None:
        spec["ttlSecondsAfterFinished"] = backend.ttl_seconds_after_finished
    if job.deadline_seconds is not None:  # its supervisor comes first, and can say what happened
        spec["activeDeadlineSeconds"] = job.deadline_seconds + backend.grace_seconds
    metadata = {"name": name, **_metadata(labels, backend.extra_annotations)}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}


def secret_manifest(backend: OrchestratorKubernetesBackend, job: RemoteJob, name: str) -> dict[str, Any]:
    """Return the Secret, with an empty value for each of its keys."""
    labels = {**backend.extra_labels, "app.kubernetes.io/managed-by": "zenml", **job.labels}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, **_metadata(labels, backend.extra_annotations)},
        "type": "Opaque",
        "data": dict.fromkeys(job.secrets, ""),
    }


def _metadata(labels: dict[str, str], annotations: dict[str, str]) -> dict[str, Any]:
    return {"labels": labels, **({"annotations": dict(annotations)} if annotations else {})}


def _failure_rules() -> list[dict[str, Any]]:
    """Tell a bug, which ends the Job, from a preemption or an eviction, after which it starts again."""
    bugs = sorted((EXIT_FAILED, EXIT_CANCELED))
    return [
        {"action": "FailJob", "onExitCodes": {"containerName": CONTAINER, "operator": "In", "values": bugs}},
        {"action": "Ignore", "onExitCodes": {"containerName": CONTAINER, "operator": "In", "values": [EXIT_PREEMPTED]}},
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
    ]


def _pod(backend: OrchestratorKubernetesBackend, job: RemoteJob, secret: str) -> dict[str, Any]:
    claims, user = sorted(set(backend.mounts.values())), backend.run_as_user
    spec: dict[str, Any] = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": backend.grace_seconds,
        "enableServiceLinks": False,
        "automountServiceAccountToken": backend.service_account is not None,
        "securityContext": {
            "runAsNonRoot": True,
            **({"runAsUser": user, "fsGroup": user} if user is not None else {}),
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(backend, job, secret, claims)],
        "volumes": [
            {"name": "scratch", "emptyDir": {"sizeLimit": backend.scratch_size} if backend.scratch_size else {}},
            *(
                {"name": f"claim-{number}", "persistentVolumeClaim": {"claimName": claim}}
                for number, claim in enumerate(claims)
            ),
        ],
    }
    if backend.service_account is not None:
        spec["serviceAccountName"] = backend.service_account
    if backend.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in backend.image_pull_secrets]
    if backend.node_selector:
        spec["nodeSelector"] = dict(backend.node_selector)
    if backend.tolerations:
        spec["tolerations"] = [dict(toleration) for toleration in backend.tolerations]
    if backend.priority_class:
        spec["priorityClassName"] = backend.priority_class
    return spec


def _container(
    backend: OrchestratorKubernetesBackend, job: RemoteJob, secret: str, claims: list[str]
) -> dict[str, Any]:
    plain = {"HOME": SCRATCH, "TMPDIR": SCRATCH, **job.environment}
    container: dict[str, Any] = {
        "name": CONTAINER,
        "image": backend.image,
        "command": ["python", *(_literal(word) for word in job.arguments)],
        "workingDir": SCRATCH,
        "env": [
            *({"name": name, "value": _literal(value)} for name, value in plain.items()),
            *({"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": name}}} for name in job.secrets),
        ],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [
            {"name": "scratch", "mountPath": SCRATCH},
            *(
                {"name": f"claim-{claims.index(claim)}", "mountPath": path}
                for path, claim in sorted(backend.mounts.items())
            ),
        ],
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    if backend.image_pull_policy:
        container["imagePullPolicy"] = backend.image_pull_policy
    if backend.resources:
        container["resources"] = {kind: dict(amounts) for kind, amounts in backend.resources.items()}  # type: ignore[call-overload]  # both of its values are dictionaries
    if backend.env_from:
        container["envFrom"] = [dict(source) for source in backend.env_from]
    return container


def _literal(text: str) -> str:
    """Return a text that Kubernetes does not expand: it reads `$(NAME)` as a variable."""
    return text.replace("$", "$$")
