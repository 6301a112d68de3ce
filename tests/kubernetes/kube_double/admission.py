"""Admission: quotas, service accounts, and the Pod Security standard `restricted`."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from kube_double.objects import RESOURCES, Body, Objects
from kube_double.refusal import Refusal
from kube_double.validation import quantity

RESTRICTED = "pod-security.kubernetes.io/enforce"
_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


def admit(objects: Objects, resource: str, namespace: str, body: Body) -> list[str]:
    """Refuse what may not be made in a namespace; return the warnings that go with what may."""
    _check_quotas(objects, resource, namespace, body)
    enforced = objects.get("namespaces", "", namespace)["metadata"].get("labels", {}).get(RESTRICTED)
    spec = {"pods": body.get("spec"), "jobs": body.get("spec", {}).get("template", {}).get("spec")}.get(resource)
    if spec is None:
        return []
    if resource == "pods":
        account = spec.get("serviceAccountName", "default")
        if account != "default" and not objects.find("serviceaccounts", namespace, account):
            what = f'error looking up service account {namespace}/{account}: serviceaccount "{account}" not found'
            raise Refusal(403, f'pods "{body["metadata"]["name"]}" is forbidden: {what}')
    found = [*_violations(spec)] if enforced == "restricted" else []
    if not found:
        return []
    text = ", ".join(found)
    if resource == "jobs":  # the Job is made; its pods are refused
        return [f'would violate PodSecurity "restricted:latest": {text}']
    name = body["metadata"].get("name", "")
    raise Refusal(403, f'pods "{name}" is forbidden: violates PodSecurity "restricted:latest": {text}')


def _violations(spec: Body) -> Iterator[str]:
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(name):
            yield f"host namespaces ({name}=true)"
    kinds = {kind for volume in spec.get("volumes") or () for kind in volume if kind != "name"}
    if kinds - _VOLUMES:
        yield f"restricted volume types ({', '.join(sorted(kinds - _VOLUMES))})"
    pod = spec.get("securityContext") or {}
    if pod.get("runAsUser") == 0:
        yield "runAsUser=0 (pod must not set runAsUser=0)"
    for container in spec["containers"]:
        own = container.get("securityContext") or {}
        who = f'container "{container["name"]}"'
        if own.get("privileged"):
            yield f"privileged ({who} must not set securityContext.privileged=true)"
        if own.get("allowPrivilegeEscalation") is not False:
            yield f"allowPrivilegeEscalation != false ({who} must set securityContext.allowPrivilegeEscalation=false)"
        capabilities = own.get("capabilities") or {}
        if "ALL" not in (capabilities.get("drop") or ()):
            yield f'unrestricted capabilities ({who} must set securityContext.capabilities.drop=["ALL"])'
        if set(capabilities.get("add") or ()) - {"NET_BIND_SERVICE"}:
            yield f"unrestricted capabilities ({who} must not add capabilities)"
        if own.get("runAsNonRoot", pod.get("runAsNonRoot")) is not True:
            yield f"runAsNonRoot != true (pod or {who} must set securityContext.runAsNonRoot=true)"
        if own.get("runAsUser") == 0:
            yield f"runAsUser=0 ({who} must not set runAsUser=0)"
        profile = (own.get("seccompProfile") or pod.get("seccompProfile") or {}).get("type")
        if profile not in ("RuntimeDefault", "Localhost"):
            yield f'seccompProfile (pod or {who} must set securityContext.seccompProfile.type to "RuntimeDefault")'


def _check_quotas(objects: Objects, resource: str, namespace: str, body: Body) -> None:
    for quota in objects.all("resourcequotas", namespace):
        asked = _asked(resource, body)
        hard: dict[str, Any] = quota["spec"]["hard"]
        name = body["metadata"].get("name", "")
        refused = f'{RESOURCES[resource].label} "{name}" is forbidden'
        quota_name = quota["metadata"]["name"]
        if resource == "pods":
            lacking = [key for key in hard if _is_compute(key) and key not in asked]
            if lacking:
                raise Refusal(403, f"{refused}: failed quota: {quota_name}: must specify {', '.join(lacking)}")
        used = _used(objects, namespace)
        over = [key for key in asked if key in hard and used.get(key, 0) + asked[key] > quantity(hard[key])]
        if over:
            parts = (
                "requested: " + ",".join(f"{key}={asked[key]}" for key in over),
                "used: " + ",".join(f"{key}={used.get(key, 0)}" for key in over),
                "limited: " + ",".join(f"{key}={hard[key]}" for key in over),
            )
            raise Refusal(403, f"{refused}: exceeded quota: {quota_name}, {', '.join(parts)}")


def quota_status(objects: Objects, namespace: str, quota: Body) -> Body:
    """Return the status of a quota: what is allowed, and what is used."""
    used = _used(objects, namespace)
    hard = quota["spec"]["hard"]
    return {"hard": dict(hard), "used": {key: format(used.get(key, Decimal(0)), "f") for key in hard}}


def _is_compute(key: str) -> bool:
    return key in ("cpu", "memory") or key.startswith(("requests.", "limits."))


def _used(objects: Objects, namespace: str) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for resource in ("jobs", "pods", "secrets"):
        for body in objects.all(resource, namespace):
            if body.get("status", {}).get("phase") in ("Succeeded", "Failed"):
                continue
            for key, amount in _asked(resource, body).items():
                found[key] = found.get(key, Decimal(0)) + amount
    return found


def _asked(resource: str, body: Body) -> dict[str, Decimal]:
    """Return what an object takes of a quota."""
    label = RESOURCES[resource].label
    found = {f"count/{label}": Decimal(1)}
    if resource in ("pods", "secrets"):
        found[resource] = Decimal(1)
    if resource == "pods":
        for container in body["spec"]["containers"]:
            own = container.get("resources") or {}
            limits = own.get("limits") or {}
            for kind, amounts in (("limits", limits), ("requests", limits | (own.get("requests") or {}))):
                for name, amount in amounts.items():
                    found[f"{kind}.{name}"] = quantity(amount)
                    if kind == "requests":
                        found[name] = quantity(amount)
    return found
