"""Objects: what the API server keeps, in memory, with the machinery that all kinds share."""

from __future__ import annotations

import copy
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kube_double.refusal import Refusal, not_found

Body = dict[str, Any]


@dataclass(frozen=True)
class Resource:
    """A kind of object: its plural name, its kind, its group and version."""

    plural: str
    kind: str
    group: str = ""

    @property
    def api_version(self) -> str:
        """As in the objects."""
        return f"{self.group}/v1" if self.group else "v1"

    @property
    def label(self) -> str:
        """As messages name it: `jobs.batch`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


RESOURCES = {
    each.plural: each
    for each in (
        Resource("namespaces", "Namespace"),
        Resource("pods", "Pod"),
        Resource("secrets", "Secret"),
        Resource("configmaps", "ConfigMap"),
        Resource("events", "Event"),
        Resource("resourcequotas", "ResourceQuota"),
        Resource("serviceaccounts", "ServiceAccount"),
        Resource("persistentvolumeclaims", "PersistentVolumeClaim"),
        Resource("jobs", "Job", "batch"),
    )
}


def now() -> str:
    """Return the time as objects hold it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Objects:
    """All objects by resource, namespace and name; every access holds `changed`, which is told of each change."""

    def __init__(self) -> None:
        self.changed = threading.Condition(threading.RLock())
        self._rows: dict[tuple[str, str, str], Body] = {}
        self._version = 0

    def add(self, resource: str, namespace: str, body: Body) -> Body:
        """Keep a new object, and return it as kept."""
        kind = RESOURCES[resource]
        with self.changed:
            meta = body.setdefault("metadata", {})
            if not meta.get("name") and meta.get("generateName"):
                meta["name"] = meta["generateName"] + uuid.uuid4().hex[:5]
            key = (resource, namespace, meta["name"])
            if key in self._rows:
                details = {"name": meta["name"], "group": kind.group, "kind": resource}
                raise Refusal(409, f'{kind.label} "{meta["name"]}" already exists', details)
            meta |= {"uid": str(uuid.uuid4()), "creationTimestamp": now()}
            if namespace:
                meta["namespace"] = namespace
            body |= {"kind": kind.kind, "apiVersion": kind.api_version}
            self._rows[key] = body
            self.touch(body)
            return body

    def touch(self, body: Body) -> None:
        """Say that an object was changed."""
        with self.changed:
            self._version += 1
            body["metadata"]["resourceVersion"] = str(self._version)
            self.changed.notify_all()

    def find(self, resource: str, namespace: str, name: str) -> Body | None:
        """Return an object as kept, or None."""
        with self.changed:
            return self._rows.get((resource, namespace, name))

    def get(self, resource: str, namespace: str, name: str) -> Body:
        """Return an object as kept."""
        found = self.find(resource, namespace, name)
        if found is None:
            raise not_found(RESOURCES[resource].label, name)
        return found

    def all(self, resource: str, namespace: str = "", matches: Callable[[Body], bool] | None = None) -> list[Body]:
        """Return the objects of a resource, of one namespace or of all, oldest first."""
        with self.changed:
            rows = [
                body
                for (plural, place, _), body in self._rows.items()
                if plural == resource and namespace in ("", place)
            ]
            return [body for body in rows if matches is None or matches(body)]

    def drop(self, resource: str, body: Body) -> None:
        """Forget an object; what it owned is forgotten by `orphans`."""
        meta = body["metadata"]
        with self.changed:
            self._rows.pop((resource, meta.get("namespace", ""), meta["name"]), None)
            self.changed.notify_all()

    def owned_by(self, uid: str) -> list[tuple[str, Body]]:
        """Return what names an owner, with the resource of each."""
        with self.changed:
            return [
                (resource, body)
                for (resource, _, _), body in self._rows.items()
                if any(owner["uid"] == uid for owner in body["metadata"].get("ownerReferences", ()))
            ]

    def orphans(self) -> list[tuple[str, Body]]:
        """Return what names owners of which none is there any more."""
        with self.changed:
            uids = {body["metadata"]["uid"] for body in self._rows.values()}
            found = []
            for (resource, _, _), body in self._rows.items():
                owners = body["metadata"].get("ownerReferences", ())
                if owners and not any(owner["uid"] in uids for owner in owners):
                    found.append((resource, body))
            return found

    def event(self, about: Body, reason: str, message: str, kind: str = "Warning") -> None:
        """Record an event about an object; the same one again counts."""
        meta = about["metadata"]
        with self.changed:
            for body in self.all("events", meta["namespace"]):
                same = body["involvedObject"]["uid"] == meta["uid"] and body["reason"] == reason
                if same and body["message"] == message:
                    body["count"] += 1
                    body["lastTimestamp"] = now()
                    self.touch(body)
                    return
            involved = {"kind": about["kind"], "name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"]}
            self.add(
                "events",
                meta["namespace"],
                {
                    "metadata": {"generateName": f"{meta['name']}."},
                    "involvedObject": involved,
                    "reason": reason,
                    "message": message,
                    "type": kind,
                    "count": 1,
                    "firstTimestamp": now(),
                    "lastTimestamp": now(),
                },
            )


def shown(body: Body) -> Body:
    """Return a copy of an object to send."""
    return copy.deepcopy(body)


def selects(labels: str, fields: str) -> Callable[[Body], bool]:
    """Return what tells the objects of a label selector and a field selector, with `=`, `!=`, `in` and existence."""
    conditions = [*_terms(labels)]
    if any(" notin " in term for term in conditions):
        raise Refusal(400, f"unable to parse requirement: {labels}")

    def matches(body: Body) -> bool:
        own: Mapping[str, str] = body["metadata"].get("labels", {})
        for term in conditions:
            if " in " in term:
                key, _, values = term.partition(" in ")
                if own.get(key.strip()) not in [value.strip() for value in values.strip(" ()").split(",")]:
                    return False
            elif "!=" in term:
                key, _, value = term.partition("!=")
                if own.get(key) == value:
                    return False
            elif "=" in term:
                key, _, value = term.replace("==", "=").partition("=")
                if own.get(key) != value:
                    return False
            elif term.strip() not in own:
                return False
        for term in filter(None, fields.split(",")):
            path, _, value = term.replace("==", "=").partition("=")
            found: Any = body
            for part in path.split("."):
                found = found.get(part, "") if isinstance(found, dict) else ""
            if str(found) != value:
                return False
        return True

    return matches


def _terms(selector: str) -> list[str]:
    """Cut a selector at the commas outside of parentheses."""
    terms, depth = [""], 0
    for letter in selector:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            terms.append("")
        else:
            terms[-1] += letter
    return [term for term in terms if term.strip()]
