"""ApiServer: answers the calls of the API; what reaches it over the network is in `http.py`."""

from __future__ import annotations

import base64
import copy
import json
import re
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kube_double.admission import admit, quota_status
from kube_double.faults import Fault
from kube_double.jobs import delete_pod
from kube_double.node import ENDED, Node, condition
from kube_double.objects import RESOURCES, Body, Objects, Resource, now, selects, shown
from kube_double.refusal import Refusal, not_found
from kube_double.schemas import decode
from kube_double.validation import validate

_PATH = re.compile(
    r"/(?:api/v1|apis/(?P<group>[^/]+)/v1)(?:/namespaces/(?P<namespace>[^/]+))?"
    r"(?:/(?P<plural>[a-z]+))?(?:/(?P<name>[^/]+))?(?:/(?P<sub>[a-z]+))?"
)
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True)
class Call:
    """One call.

    Args:
        method: of HTTP.
        path: of the URL.
        query: of the URL.
        headers: by lower-case name.
        body: as sent.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Answer:
    """What is sent back: an object, or a stream of lines.

    Args:
        body: the object.
        code: of HTTP.
        warnings: for the `Warning` header.
        lines: of a log, instead of the object.
    """

    body: Body
    code: int = 200
    warnings: list[str] = field(default_factory=list)
    lines: Iterator[bytes] | None = None


class ApiServer:
    """The API of a cluster.

    Args:
        objects: what it keeps.
        node: where the logs of pods are.
        version: of Kubernetes, as `1.37`.
    """

    def __init__(self, objects: Objects, node: Node, version: str) -> None:
        self.objects, self.node, self.version = objects, node, version
        self.tokens = {"good-token": "tester"}
        """Users by token; any other token has expired."""
        self.denied: set[tuple[str, str]] = set()
        """Verbs and resources, as `("create", "jobs")`, that nobody may use."""
        self.faults: list[Fault] = []
        self.calls: list[tuple[str, str, int]] = []
        self.closing = threading.Event()

    def answer(self, call: Call) -> Answer:
        """Answer a call.

        Raises:
            Refusal: instead of an object.
        """
        user = self.tokens.get(call.headers.get("authorization", "").removeprefix("Bearer "))
        if user is None:
            raise Refusal(401, "Unauthorized")
        if call.path in ("/version", "/version/"):
            major, minor = self.version.split(".")
            return Answer({"major": major, "minor": minor, "gitVersion": f"v{self.version}.0"})
        found = _PATH.fullmatch(call.path)
        if not found:
            raise Refusal(404, "the server could not find the requested resource")
        if found["plural"] == "selfsubjectaccessreviews":
            return Answer(self._review(json.loads(call.body)), 201)
        plural, name, namespace = found["plural"], found["name"], found["namespace"] or ""
        if plural is None:
            plural, name, namespace = "namespaces", namespace, ""
        kind = RESOURCES.get(plural)
        if kind is None or kind.group != (found["group"] or ""):
            raise Refusal(404, "the server could not find the requested resource")
        verb = _VERBS.get(call.method) or ("get" if name else "list")
        sub = found["sub"] or ""
        self._authorize(user, verb, kind, sub, name or "", namespace)
        with self.objects.changed:
            return self._act(call, verb, kind, namespace, name or "", sub)

    def _act(self, call: Call, verb: str, kind: Resource, namespace: str, name: str, sub: str) -> Answer:
        objects = self.objects
        if verb == "create" and not sub:
            if not objects.find("namespaces", "", namespace):
                raise not_found("namespaces", namespace)
            return self._create(call, kind, namespace)
        if verb == "list":
            matches = selects(call.query.get("labelSelector", ""), call.query.get("fieldSelector", ""))
            rows = [self._seen(kind, body) for body in objects.all(kind.plural, namespace, matches)]
            return Answer({"kind": f"{kind.kind}List", "apiVersion": kind.api_version, "metadata": {}, "items": rows})
        body = objects.get(kind.plural, namespace, name)
        if sub == "log":
            return Answer({}, lines=self._log(body, call.query))
        if sub == "eviction":
            condition(body, "DisruptionTarget", "EvictionByEvictionAPI", "Eviction API: evicting")
            delete_pod(objects, body)
            return Answer({"kind": "Status", "apiVersion": "v1", "status": "Success", "code": 201}, 201)
        if verb == "get":
            return Answer(self._seen(kind, body))
        if verb == "patch":
            return Answer(self._patch(call, kind, body))
        if verb == "delete":
            return Answer(self._delete(call, kind, body))
        raise Refusal(405, "the server does not allow this method on the requested resource")

    def _authorize(self, user: str, verb: str, kind: Resource, sub: str, name: str, namespace: str) -> None:
        resource = f"{kind.plural}/{sub}" if sub else kind.plural
        if (verb, resource) in self.denied:
            shown_name = f' "{name}"' if name else ""
            where = f' in the namespace "{namespace}"' if namespace else " at the cluster scope"
            what = f'User "{user}" cannot {verb} resource "{resource}" in API group "{kind.group}"{where}'
            raise Refusal(403, f"{kind.label}{shown_name} is forbidden: {what}", {"name": name, "kind": kind.plural})

    def _review(self, body: Body) -> Body:
        asked = body["spec"]["resourceAttributes"]
        resource = f"{asked['resource']}/{asked['subresource']}" if asked.get("subresource") else asked["resource"]
        return {**body, "status": {"allowed": (asked["verb"], resource) not in self.denied}}

    def _create(self, call: Call, kind: Resource, namespace: str) -> Answer:
        try:
            body: Body = json.loads(call.body)
        except ValueError:
            raise Refusal(400, "the object provided is unrecognized") from None
        body = {"kind": kind.kind, "apiVersion": kind.api_version, **body}
        if body["metadata"].get("namespace", namespace) != namespace:
            raise Refusal(400, "the namespace of the provided object does not match the namespace sent on the request")
        warnings = decode(body, self.version, call.query.get("fieldValidation", "Warn"))
        if kind.plural == "secrets":
            text = body.pop("stringData", None) or {}
            coded = {key: base64.b64encode(value.encode()).decode() for key, value in text.items()}
            body |= {"type": body.get("type", "Opaque"), "data": (body.get("data") or {}) | coded}
        if kind.plural == "jobs":
            _default_job(body)
        validate(kind.plural, body)
        name = body["metadata"].get("name", "")
        if not self.objects.find(kind.plural, namespace, name):  # a name that is taken is told before a quota
            warnings += admit(self.objects, kind.plural, namespace, body)
        if call.query.get("dryRun") == "All":
            return Answer(body, 201, warnings)
        return Answer(shown(self.objects.add(kind.plural, namespace, body)), 201, warnings)

    def _seen(self, kind: Resource, body: Body) -> Body:
        found = shown(body)
        if kind.plural == "resourcequotas":
            found["status"] = quota_status(self.objects, body["metadata"]["namespace"], body)
        return found

    def _patch(self, call: Call, kind: Resource, body: Body) -> Body:
        content = call.headers.get("content-type", "")
        if content not in ("application/merge-patch+json", "application/strategic-merge-patch+json"):
            raise Refusal(415, f"the body of the request was in an unknown format - {content}")
        changed = _merged(copy.deepcopy(body), json.loads(call.body))
        decode(changed, self.version, call.query.get("fieldValidation", "Warn"))
        validate(kind.plural, changed)
        fixed = {"jobs": ["template", "selector", "completions", "podFailurePolicy"]}.get(kind.plural, [])
        for name in fixed:
            if changed["spec"].get(name) != body["spec"].get(name):
                raise Refusal(
                    422, f'Job.batch "{body["metadata"]["name"]}" is invalid: spec.{name}: field is immutable'
                )
        if kind.plural == "secrets" and body.get("immutable") and changed.get("data") != body.get("data"):
            what = "data: Forbidden: field is immutable when `immutable` is set"
            raise Refusal(422, f'Secret "{body["metadata"]["name"]}" is invalid: {what}')
        body.clear()
        body.update(changed)
        self.objects.touch(body)
        return shown(body)

    def _delete(self, call: Call, kind: Resource, body: Body) -> Body:
        options: Body = json.loads(call.body) if call.body else {}
        policy = options.get("propagationPolicy") or call.query.get("propagationPolicy") or "Background"
        meta = body["metadata"]
        if kind.plural == "pods":
            delete_pod(self.objects, body, options.get("gracePeriodSeconds"))
        elif kind.plural == "jobs" and policy == "Foreground":
            if "deletionTimestamp" not in meta:
                meta |= {
                    "deletionTimestamp": now(),
                    "deletionGracePeriodSeconds": 0,
                    "finalizers": ["foregroundDeletion"],
                }
                self.objects.touch(body)
            return shown(body)
        else:
            if policy == "Orphan":
                for _, owned in self.objects.owned_by(meta["uid"]):
                    owned["metadata"].pop("ownerReferences")
            self.objects.drop(kind.plural, body)
        details = {"name": meta["name"], "kind": kind.plural, "uid": meta["uid"]}
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}

    def _log(self, pod: Body, query: Mapping[str, str]) -> Iterator[bytes]:
        """Return the lines of a pod's log, as they come where `follow` is asked for."""
        uid, name = pod["metadata"]["uid"], pod["metadata"]["name"]
        container = self.node.containers.get(uid)
        if container is None:
            (spec,) = pod["spec"]["containers"]
            why = "waiting to start: ContainerCreating"
            for status in pod["status"].get("containerStatuses", ()):
                why = f"waiting to start: {status['state']['waiting']['reason']}"
            raise Refusal(400, f'container "{spec["name"]}" in pod "{name}" is {why}')
        since = query.get("sinceTime", "").rstrip("Z")
        follow, stamped = query.get("follow") == "true", query.get("timestamps") == "true"

        def lines(ended: Callable[[], bool]) -> Iterator[bytes]:
            sent = 0
            while True:
                last = ended()
                for moment, line in container.lines[sent:]:
                    sent += 1
                    if moment[: len(since)] >= since:
                        yield (f"{moment} ".encode() if stamped else b"") + line
                if last or not follow or self.closing.is_set():
                    return
                self.closing.wait(0.02)

        return lines(lambda: pod["status"].get("phase") in ENDED)


def _default_job(body: Body) -> None:
    """Fill in what the server fills in."""
    spec, meta = body["spec"], body["metadata"]
    uid = str(uuid.uuid4())
    names = {"batch.kubernetes.io/job-name": meta.get("name", ""), "job-name": meta.get("name", "")}
    labels = {**names, "batch.kubernetes.io/controller-uid": uid, "controller-uid": uid}
    spec.setdefault("backoffLimit", 6)
    spec |= {"completions": spec.get("completions", 1), "parallelism": spec.get("parallelism", 1)}
    spec["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    template = spec["template"]
    own = template.setdefault("metadata", {})
    own["labels"] = {**(own.get("labels") or {}), **labels}
    body["status"] = {}


def _merged(target: Any, patch: Any) -> Any:
    """Return a merge patch applied: objects are merged, null removes, anything else replaces."""
    if not isinstance(patch, dict):
        return patch
    target = target if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        else:
            target[key] = _merged(target.get(key), value)
    return target
