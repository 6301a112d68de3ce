"""What must be so before a Job can be made: credentials, permissions, the namespace, the quotas."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from zenml.errors import Problem
from zenml_k8s.cluster import Cluster
from zenml_k8s.quantity import number
from zenml_k8s.trouble import RefusedError

if TYPE_CHECKING:
    from zenml_k8s.backend import OrchestratorKubernetesBackend

_NEEDED = {
    "jobs": ("create", "get", "list", "delete"),
    "pods": ("list",),
    "pods/log": ("get",),
    "secrets": ("create", "list", "patch", "delete"),
}


def find_problems(backend: OrchestratorKubernetesBackend, cluster: Cluster) -> list[Problem]:
    """Return all that would keep the Job from being made, or from starting."""
    try:
        return [
            *_permissions(cluster),
            *_namespace(cluster),
            *_service_account(backend, cluster),
            *_quotas(backend, cluster),
        ]
    except RefusedError as error:
        if error.code != 401:
            raise
        return list(error.problems)


def _permissions(cluster: Cluster) -> Iterator[Problem]:
    for resource, verbs in _NEEDED.items():
        plural, _, sub = resource.partition("/")
        lacking = [verb for verb in verbs if not cluster.may(verb, plural, sub)]
        if lacking:
            what = f"you may not {', '.join(lacking)} {resource} in the namespace {cluster.namespace}"
            yield Problem(what, cluster.address, "Ask for a Role that allows it, or name another one: namespace=…")


def _namespace(cluster: Cluster) -> Iterator[Problem]:
    try:
        found = cluster.find_namespace()
    except RefusedError as error:
        if error.code != 403:
            raise
        return  # whoever may not look will be told when the Job is made
    if found is None:
        mend = "Make it: kubectl create namespace NAME; or name another one: namespace=…"
        yield Problem(f"there is no namespace {cluster.namespace}", cluster.address, mend)
    elif found.get("status", {}).get("phase") == "Terminating":
        yield Problem(f"the namespace {cluster.namespace} is being deleted", cluster.address, "Name another one")


def _service_account(backend: OrchestratorKubernetesBackend, cluster: Cluster) -> Iterator[Problem]:
    name = backend.service_account
    try:
        if name is None or cluster.get("serviceaccounts", name) is not None:
            return
    except RefusedError as error:
        if error.code != 403:
            raise
        return
    what = f"there is no service account {name} in the namespace {cluster.namespace}"
    yield Problem(what, cluster.address, "Make it, or leave service_account out")


def _quotas(backend: OrchestratorKubernetesBackend, cluster: Cluster) -> Iterator[Problem]:
    try:
        quotas = cluster.list("resourcequotas")
    except RefusedError as error:
        if error.code != 403:
            raise
        return
    asked = _asked(backend)
    for quota in quotas:
        status: dict[str, Any] = quota.get("status") or {}
        name = quota["metadata"]["name"]
        where = f"quota {name} of the namespace {cluster.namespace}"
        for key, hard in (status.get("hard") or {}).items():
            if key in asked:
                left = number(hard) - number((status.get("used") or {}).get(key, "0"))
                if asked[key] > left:
                    what = f"{key}: the run needs {asked[key]:f}, and {max(left, Decimal(0)):f} of {hard} is left"
                    yield Problem(what, where, "Free some, ask for less in resources=, or have the quota raised")
            elif key.startswith(("requests.", "limits.")) or key in ("cpu", "memory"):
                kind, _, resource = key.rpartition(".")
                what = f"it demands that pods name their {key}"
                yield Problem(what, where, f"Set resources={{{kind or 'requests'!r}: {{{resource!r}: …}}}}")


def _asked(backend: OrchestratorKubernetesBackend) -> dict[str, Decimal]:
    """Return what the run takes of a quota, by the quota's words."""
    one = Decimal(1)
    found = dict.fromkeys(("count/jobs.batch", "count/pods", "pods", "count/secrets", "secrets"), one)
    limits = backend.resources.get("limits", {})
    for kind, amounts in (("limits", limits), ("requests", {**limits, **backend.resources.get("requests", {})})):
        for name, amount in amounts.items():
            found[f"{kind}.{name}"] = number(amount)
            if kind == "requests":
                found[name] = number(amount)
    return found
