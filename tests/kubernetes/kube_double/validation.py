"""What the API server checks beyond the schema: names, labels, and how the fields of a Job fit together."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from kube_double.objects import RESOURCES, Body
from kube_double.refusal import Refusal

_LABEL_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_VARIABLE = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?")
_POWERS = {"": 0, "k": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}

Cause = tuple[str, str]


def quantity(text: str | float) -> Decimal:
    """Return what a quantity such as `500m` or `2Gi` is."""
    found = _QUANTITY.fullmatch(str(text))
    if not found:
        raise ValueError(str(text))
    number, unit = Decimal(found[1]), found[2] or ""
    if unit == "m":
        return number / 1000
    return number * (1024 ** _POWERS[unit[0]] if unit.endswith("i") else 1000 ** _POWERS[unit])


def validate(resource: str, body: Body) -> None:
    """Refuse an object that the server refuses with 422, with every cause."""
    causes = [*_metadata(resource, body)]
    if resource == "jobs":
        causes += _job(body["spec"])
    if resource == "secrets":
        causes += _secret(body)
    if causes:
        kind = RESOURCES[resource]
        shown = ", ".join(f"{field}: {what}" for field, what in causes)
        listed = [{"field": field, "message": what, "reason": "FieldValueInvalid"} for field, what in causes]
        name = body["metadata"].get("name", "")
        message = f'{kind.kind}{"." + kind.group if kind.group else ""} "{name}" is invalid: '
        raise Refusal(422, message + (shown if len(causes) == 1 else f"[{shown}]"), {"name": name, "causes": listed})


def _metadata(resource: str, body: Body) -> Iterator[Cause]:
    meta = body.get("metadata", {})
    name = meta.get("name") or meta.get("generateName", "").rstrip("-") or ""
    pattern, longest = (_LABEL_NAME, 63) if resource in ("jobs", "namespaces") else (_SUBDOMAIN, 253)
    if not name:
        yield "metadata.name", "Required value: name or generateName is required"
    elif len(name) > longest or not pattern.fullmatch(name):
        yield "metadata.name", f'Invalid value: "{name}": must be a valid DNS name of at most {longest} characters'
    yield from _labels(meta, "metadata")
    for number, owner in enumerate(meta.get("ownerReferences", ())):
        for field in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(field):
                yield f"metadata.ownerReferences[{number}].{field}", "Required value"


def _labels(meta: Mapping[str, Any], path: str) -> Iterator[Cause]:
    for key, value in (meta.get("labels") or {}).items():
        yield from _qualified(key, f"{path}.labels")
        if value and (len(value) > 63 or not _QUALIFIED.fullmatch(value)):
            yield f"{path}.labels", f'Invalid value: "{value}": a valid label must be at most 63 letters, digits, -_.'
    annotations = meta.get("annotations") or {}
    for key in annotations:
        yield from _qualified(key.lower(), f"{path}.annotations")
    if sum(len(key) + len(value) for key, value in annotations.items()) > 256 << 10:
        yield f"{path}.annotations", "Too long: may not be more than 262144 bytes"


def _qualified(key: str, path: str) -> Iterator[Cause]:
    prefix, slash, name = key.rpartition("/")
    if slash and not (_SUBDOMAIN.fullmatch(prefix) and len(prefix) <= 253):
        yield path, f'Invalid value: "{key}": prefix part must be a DNS subdomain'
    if len(name) > 63 or not _QUALIFIED.fullmatch(name):
        yield path, f'Invalid value: "{key}": name part must consist of letters, digits, -_.'


def _secret(body: Body) -> Iterator[Cause]:
    size = 0
    for key, value in (body.get("data") or {}).items():
        if not _KEY.fullmatch(key) or len(key) > 253:
            yield f"data[{key}]", "Invalid value: a valid config key must consist of letters, digits, -_."
        try:
            size += len(base64.b64decode(value, validate=True))
        except binascii.Error:
            raise Refusal(400, f"illegal base64 data in data[{key}]") from None
    if size > 1 << 20:
        yield "data", "Too long: may not be more than 1048576 bytes"


def _job(spec: Body) -> Iterator[Cause]:
    for field, least in (("backoffLimit", 0), ("ttlSecondsAfterFinished", 0), ("activeDeadlineSeconds", 1)):
        if spec.get(field) is not None and spec[field] < least:
            yield f"spec.{field}", f"Invalid value: {spec[field]}: must be greater than or equal to {least}"
    template = spec["template"]
    pod = template.get("spec") or {}
    if pod.get("restartPolicy") not in ("Never", "OnFailure"):
        yield "spec.template.spec.restartPolicy", 'Required value: valid values: "OnFailure", "Never"'
    yield from _labels(template.get("metadata") or {}, "spec.template.metadata")
    yield from _pod(pod)
    policy = spec.get("podFailurePolicy")
    if policy:
        if pod.get("restartPolicy") != "Never":
            yield "spec.template.spec.restartPolicy", 'Invalid value: only "Never" is supported with podFailurePolicy'
        if spec.get("podReplacementPolicy", "Failed") != "Failed":
            yield "spec.podReplacementPolicy", 'Unsupported value: supported values: "Failed"'
        yield from _policy(policy, {container["name"] for container in pod.get("containers", ())})


def _policy(policy: Body, containers: set[str]) -> Iterator[Cause]:
    if len(policy["rules"]) > 20:
        yield "spec.podFailurePolicy.rules", "Too many: must have at most 20 items"
    for number, rule in enumerate(policy["rules"]):
        path = f"spec.podFailurePolicy.rules[{number}]"
        if rule["action"] not in ("FailJob", "Ignore", "Count", "FailIndex"):
            yield f"{path}.action", f'Unsupported value: "{rule["action"]}"'
        codes, conditions = rule.get("onExitCodes"), rule.get("onPodConditions")
        if bool(codes) == bool(conditions):
            yield path, "Invalid value: exactly one of onExitCodes and onPodConditions must be given"
        if codes:
            values = codes["values"]
            if values != sorted(set(values)) or not values or len(values) > 255:
                yield f"{path}.onExitCodes.values", "Invalid value: must be ordered and unique, 1 to 255 items"
            if codes["operator"] not in ("In", "NotIn"):
                yield f"{path}.onExitCodes.operator", f'Unsupported value: "{codes["operator"]}"'
            if codes["operator"] == "In" and 0 in values:
                yield f"{path}.onExitCodes.values", "Invalid value: 0: must not be 0 for the In operator"
            if codes.get("containerName") and codes["containerName"] not in containers:
                yield f"{path}.onExitCodes.containerName", "Invalid value: must be one of the container names"


def _pod(pod: Body) -> Iterator[Cause]:
    path = "spec.template.spec"
    if not pod.get("containers"):
        yield f"{path}.containers", "Required value"
    volumes = {volume["name"] for volume in pod.get("volumes") or ()}
    for number, container in enumerate(pod.get("containers") or ()):
        yield from _container(container, f"{path}.containers[{number}]", volumes)
    for name in volumes:
        if not _LABEL_NAME.fullmatch(name) or len(name) > 63:
            yield f"{path}.volumes", f'Invalid value: "{name}"'
    for volume in pod.get("volumes") or ():
        if len(volume) != 2:
            yield f"{path}.volumes", "Required value: must specify one volume type"
    for toleration in pod.get("tolerations") or ():
        if toleration.get("operator") == "Exists" and toleration.get("value"):
            yield f"{path}.tolerations", "Invalid value: value must be empty when `operator` is 'Exists'"
        if toleration.get("effect", "NoExecute") not in ("NoSchedule", "PreferNoSchedule", "NoExecute"):
            yield f"{path}.tolerations", f'Unsupported value: "{toleration["effect"]}"'
    for key, value in (pod.get("nodeSelector") or {}).items():
        yield from _labels({"labels": {key: value}}, f"{path}.nodeSelector")


def _container(container: Body, path: str, volumes: set[str]) -> Iterator[Cause]:
    if not _LABEL_NAME.fullmatch(container["name"]) or len(container["name"]) > 63:
        yield f"{path}.name", f'Invalid value: "{container["name"]}"'
    image = container.get("image", "")
    if not image:
        yield f"{path}.image", "Required value"
    elif image != image.strip():
        yield f"{path}.image", f'Invalid value: "{image}": must not have leading or trailing whitespace'
    if container.get("imagePullPolicy", "Always") not in ("Always", "IfNotPresent", "Never"):
        yield f"{path}.imagePullPolicy", f'Unsupported value: "{container["imagePullPolicy"]}"'
    for variable in container.get("env") or ():
        if not _VARIABLE.fullmatch(variable["name"]):
            yield f"{path}.env", f'Invalid value: "{variable["name"]}": a valid environment variable name is needed'
        if variable.get("value") and variable.get("valueFrom"):
            yield f"{path}.env", "Invalid value: may not be specified when `value` is not empty"
    for source in container.get("envFrom") or ():
        if ("secretRef" in source) == ("configMapRef" in source):
            yield f"{path}.envFrom", "Invalid value: must specify one of: `configMapRef` or `secretRef`"
    paths = [mount["mountPath"] for mount in container.get("volumeMounts") or ()]
    if len(paths) != len(set(paths)):
        yield f"{path}.volumeMounts", "Invalid value: mountPath must be unique"
    for mount in container.get("volumeMounts") or ():
        if mount["name"] not in volumes:
            yield f"{path}.volumeMounts", f'Not found: "{mount["name"]}"'
    yield from _resources(container.get("resources") or {}, f"{path}.resources")


def _resources(resources: Body, path: str) -> Iterator[Cause]:
    amounts: dict[str, dict[str, Decimal]] = {"requests": {}, "limits": {}}
    for kind, found in amounts.items():
        for name, amount in (resources.get(kind) or {}).items():
            try:
                found[name] = quantity(amount)
            except ValueError:
                raise Refusal(400, f"quantities must match the regular expression: {path}.{kind}.{name}") from None
            if "/" not in name and name not in ("cpu", "memory", "ephemeral-storage"):
                yield f"{path}.{kind}[{name}]", f'Invalid value: "{name}": must be a standard resource type'
    for name, amount in amounts["requests"].items():
        if name in amounts["limits"] and amount > amounts["limits"][name]:
            yield f"{path}.requests", f'Invalid value: "{amount}": must be less than or equal to {name} limit'
        if "/" in name and amounts["limits"].get(name) != amount:
            yield f"{path}.requests", f"Invalid value: must be equal to {name} limit"
