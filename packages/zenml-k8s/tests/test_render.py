from __future__ import annotations

from typing import Any

import kubernetes_validate
import pytest
from kubernetes_validate import utils

from zenml.errors import ConfigError
from zenml.runtime.remote_job import RemoteJob
from zenml.spec.component import Component
from zenml_k8s.backend import IMAGE, OrchestratorKubernetesBackend

RUN = "r0000000000000000000"
EVERYTHING: dict[str, Any] = {
    "kubernetes_config_path": "~/.kube/other",
    "context": "prod",
    "namespace": "ml",
    "image": "registry.example.com:5000/team/pipelines:1.2@sha256:" + "a" * 64,
    "image_pull_policy": "IfNotPresent",
    "image_pull_secrets": ["registry"],
    "service_account": "trainer",
    "resources": {"requests": {"cpu": 2, "memory": "4Gi"}, "limits": {"memory": "4Gi", "nvidia.com/gpu": 1}},
    "node_selector": {"cloud.google.com/gke-spot": "true"},
    "tolerations": [{"key": "spot", "operator": "Exists", "effect": "NoSchedule", "tolerationSeconds": 30}],
    "priority_class": "batch",
    "env_from": [{"secretRef": {"name": "keys", "optional": True}}, {"prefix": "X_", "configMapRef": {"name": "c"}}],
    "mounts": {"/data": "shared", "/data/models": "models"},
    "scratch_size": "20Gi",
    "run_as_user": 1000,
    "ttl_seconds_after_finished": 60,
    "preemptions": 5,
    "backoff_limit": 2,
    "active_deadline_seconds": 7200,
    "grace_seconds": 90,
    "extra_labels": {"team": "ml", "example.com/cost-center": "7"},
    "extra_annotations": {"example.com/note": "any text, of any length"},
    "job_prefix": "train-",
}
VERSIONS = sorted(
    {tuple(int(part) for part in name.split(".")[:2]) for name in utils.all_versions()} - {(1, n) for n in range(30)}
)


def job(**fields: Any) -> RemoteJob:
    labels = {"zenml-run": RUN, "zenml-pipeline": "quickstart"}
    arguments = ("-m", "zenml.entrypoint", "run", "--spec", f"s3://bucket/$(HOME)/runs/{RUN}/spec.yaml")
    return RemoteJob(RUN, "Quickstart", arguments[-1], arguments, labels, **fields)


def rendered(fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {resource.kind: resource.body for resource in OrchestratorKubernetesBackend(**fields).render(job(**more))}


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: ".".join(map(str, version)))
@pytest.mark.parametrize("fields", [{}, EVERYTHING], ids=["defaults", "everything"])
def test_what_is_rendered_is_what_kubernetes_takes(fields: dict[str, Any], version: tuple[int, int]) -> None:
    for body in rendered(fields, environment={"A": "b"}, secrets=("S",), deadline_seconds=7200).values():
        kubernetes_validate.validate(body, ".".join(map(str, version)), strict=True)


def test_rendering_is_pure() -> None:
    assert rendered(EVERYTHING) == rendered(EVERYTHING)


def test_every_field_has_its_place() -> None:
    body = rendered(EVERYTHING, secrets=("S",), deadline_seconds=7200)["Job"]
    spec, pod = body["spec"], body["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert body["metadata"] == {
        "name": f"train-{RUN}",
        "labels": {
            "team": "ml",
            "example.com/cost-center": "7",
            "app.kubernetes.io/managed-by": "zenml",
            "zenml-run": RUN,
            "zenml-pipeline": "quickstart",
        },
        "annotations": {"example.com/note": "any text, of any length"},
    }
    assert spec["template"]["metadata"] == {key: body["metadata"][key] for key in ("labels", "annotations")}
    assert (spec["ttlSecondsAfterFinished"], spec["backoffLimit"]) == (60, 2)
    assert spec["activeDeadlineSeconds"] == 7290  # after the supervisor, which can say why
    assert pod["serviceAccountName"] == "trainer"
    assert pod["automountServiceAccountToken"] is True
    assert pod["imagePullSecrets"] == [{"name": "registry"}]
    assert pod["nodeSelector"] == {"cloud.google.com/gke-spot": "true"}
    assert pod["tolerations"] == EVERYTHING["tolerations"]
    assert pod["priorityClassName"] == "batch"
    assert pod["terminationGracePeriodSeconds"] == 90
    assert container["image"] == EVERYTHING["image"]
    assert container["imagePullPolicy"] == "IfNotPresent"
    assert container["envFrom"] == EVERYTHING["env_from"]
    assert container["resources"] == {
        "requests": {"cpu": "2", "memory": "4Gi"},
        "limits": {"memory": "4Gi", "nvidia.com/gpu": "1"},
    }
    claims = {row["name"]: row["persistentVolumeClaim"]["claimName"] for row in pod["volumes"][1:]}
    assert {row["mountPath"]: claims.get(row["name"]) for row in container["volumeMounts"]} == {
        "/tmp": None,
        "/data": "shared",
        "/data/models": "models",
    }
    assert pod["volumes"][0] == {"name": "scratch", "emptyDir": {"sizeLimit": "20Gi"}}


def test_a_restricted_namespace_takes_the_pod() -> None:
    pod = rendered({})["Job"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert pod["automountServiceAccountToken"] is False


def test_the_command_is_taken_as_it_is() -> None:
    (container,) = rendered({}, environment={"A": "$(B) $C"})["Job"]["spec"]["template"]["spec"]["containers"]
    assert container["command"][:3] == ["python", "-m", "zenml.entrypoint"]
    assert container["command"][-1] == f"s3://bucket/$$(HOME)/runs/{RUN}/spec.yaml"
    assert {"name": "A", "value": "$$(B) $$C"} in container["env"]
    assert container["image"] == IMAGE


def test_secrets_are_named_and_never_rendered() -> None:
    bodies = rendered({}, secrets=("ZENML_SECRET_1",))
    assert bodies["Secret"]["data"] == {"ZENML_SECRET_1": ""}
    (container,) = bodies["Job"]["spec"]["template"]["spec"]["containers"]
    reference = {"secretKeyRef": {"name": f"zenml-{RUN}", "key": "ZENML_SECRET_1"}}
    assert {"name": "ZENML_SECRET_1", "valueFrom": reference} in container["env"]
    assert list(rendered({})) == ["Job"]


def test_a_preemption_is_told_from_a_bug() -> None:
    rules = rendered({})["Job"]["spec"]["podFailurePolicy"]["rules"]
    assert [(rule["action"], rule.get("onExitCodes", {}).get("values")) for rule in rules] == [
        ("FailJob", [1, 3]),
        ("Ignore", [75]),
        ("Ignore", None),
    ]


def test_a_spec_says_the_same_backend() -> None:
    backend = OrchestratorKubernetesBackend(**EVERYTHING)
    assert Component.from_config(backend.to_config()) == backend
    assert OrchestratorKubernetesBackend().to_config() == {"type": "OrchestratorKubernetesBackend", "config": {}}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("image", "Not An Image"),
        ("image", "https://example.com/image"),
        ("image", "repository:tag:tag"),
        ("image", ""),
        ("image_pull_policy", "Sometimes"),
        ("namespace", "Has Capitals"),
        ("namespace", "x" * 64),
        ("service_account", "with_underscore"),
        ("resources", {"limit": {"cpu": 1}}),
        ("resources", {"limits": {"memory": "4 GB"}}),
        ("resources", {"limits": {"memory": True}}),
        ("tolerations", [{"kee": "x"}]),
        ("env_from", [{"secretRef": {}}]),
        ("env_from", [{"secretRef": {"name": "a"}, "configMapRef": {"name": "b"}}]),
        ("env_from", [{}]),
        ("mounts", {"relative": "claim"}),
        ("mounts", {"/": "claim"}),
        ("node_selector", {"key": "no spaces"}),
        ("extra_labels", {"team": "x" * 64}),
        ("extra_labels", {"not/a/key": "x"}),
        ("extra_annotations", {"no spaces": ""}),
        ("job_prefix", "Train-"),
        ("job_prefix", "x" * 44),
        ("run_as_user", 0),
        ("backoff_limit", -1),
        ("active_deadline_seconds", 0),
        ("grace_seconds", 0),
        ("ttl_seconds_after_finished", -1),
    ],
)
def test_what_kubernetes_would_refuse_is_refused_where_it_is_written(field: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"OrchestratorKubernetesBackend.{field}"):
        OrchestratorKubernetesBackend(**{field: value})


@pytest.mark.parametrize("image", ["python", "a/b__c-d.e:V1_2", "localhost:5000/x", "ghcr.io/x/y/z@sha256:" + "0" * 64])
def test_names_of_images_are_taken(image: str) -> None:
    assert OrchestratorKubernetesBackend(image=image).image == image
