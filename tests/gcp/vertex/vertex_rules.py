"""What Vertex AI refuses beyond what its discovery document says, in its words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from google_double import Body, Refusal

REGIONS = ("europe-west1", "europe-west4", "us-central1")
_SMALL = ("NVIDIA_TESLA_T4", "NVIDIA_TESLA_P4", "NVIDIA_TESLA_P100")
TAKES: dict[str, dict[str, tuple[int, ...]]] = {
    "n1-standard-4": {**dict.fromkeys(_SMALL, (1, 2, 4)), "NVIDIA_TESLA_V100": (1, 2, 4, 8)},
    "n1-highmem-8": {**dict.fromkeys(_SMALL, (1, 2, 4)), "NVIDIA_TESLA_V100": (1, 2, 4, 8)},
    "n1-standard-96": {**dict.fromkeys(_SMALL, (4,)), "NVIDIA_TESLA_V100": (8,)},
    "g2-standard-4": {"NVIDIA_L4": (1,)},
    "g2-standard-24": {"NVIDIA_L4": (2,)},
    "a2-highgpu-1g": {"NVIDIA_TESLA_A100": (1,)},
    "e2-standard-4": {},
}
"""Machine types that the double has, with what each takes."""

ACCOUNTS = ("trainer@proj-one.iam.gserviceaccount.com",)
_LABEL_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL = re.compile(r"[a-z0-9_-]{0,63}")
_IMAGE = re.compile(r"[\w.-]+(:\d+)?(/[\w.-]+)*(:[\w.-]+)?(@sha256:[0-9a-f]{64})?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NETWORK = re.compile(r"projects/\d+/global/networks/[a-z][-a-z0-9]*")


def check_job(body: Body, region: str) -> None:
    """Refuse a job."""
    if region not in REGIONS:
        raise Refusal(404, f"The region {region} is not supported.")
    problems = [*_of_job(body)]
    if problems:
        raise Refusal(400, " ".join(problems))


def _of_job(body: Body) -> Iterator[str]:
    spec: Any = body.get("jobSpec", {})
    if not 1 <= len(body.get("displayName", "")) <= 128:
        yield "Invalid displayName."
    for key, value in body.get("labels", {}).items():
        if not (_LABEL_KEY.fullmatch(key) and _LABEL.fullmatch(value)):
            yield f"Invalid label {key}={value}."
    pools = spec.get("workerPoolSpecs", [])
    if not 1 <= len(pools) <= 4:
        yield "The number of worker pools must be from 1 to 4."
    elif pools[0].get("replicaCount", "0") != "1":
        yield "The replica count of the first worker pool must be 1."
    for pool in pools:
        yield from _of_pool(pool)
    account = spec.get("serviceAccount")
    if account and account not in ACCOUNTS:
        yield f"Service account {account} does not exist."
    if spec.get("network") and not _NETWORK.fullmatch(spec["network"]):
        yield f"Invalid network {spec['network']}."


def _of_pool(pool: Body) -> Iterator[str]:
    machine, container = pool.get("machineSpec", {}), pool.get("containerSpec", {})
    name, kind = machine.get("machineType", ""), machine.get("acceleratorType")
    if name not in TAKES:
        yield f'Machine type "{name}" is not supported.'
    elif kind and kind not in TAKES[name]:
        yield f'Accelerator "{kind}" is not supported for machine type "{name}".'
    elif kind and machine.get("acceleratorCount") not in TAKES[name][kind]:
        yield f'Accelerator count of "{kind}" is not supported for machine type "{name}".'
    if not _IMAGE.fullmatch(container.get("imageUri", "")):
        yield f"Invalid image URI {container.get('imageUri')}."
    if not 100 <= pool.get("diskSpec", {}).get("bootDiskSizeGb", 100) <= 64000:
        yield "Invalid boot disk size."
    rows = container.get("env", [])
    if len(rows) > 100 or not all(_VARIABLE.fullmatch(row.get("name", "")) and "value" in row for row in rows):
        yield "Invalid environment variables."


_TERM = re.compile(r'(display_name|state)(=|!=|:)"([^"]*)"')


def fits(name: str, state: str, text: str) -> bool:
    """Tell whether a filter chooses a job."""
    return all(_fits(name, state, term) for term in text.split(" AND ")) if text else True


def _fits(name: str, state: str, term: str) -> bool:
    found = _TERM.fullmatch(term)
    if found is None or (found[1] == "state" and found[2] == ":"):
        raise Refusal(400, f"Invalid filter expression: {term}")
    value = name if found[1] == "display_name" else state
    if found[2] == ":":
        return value.startswith(found[3].removesuffix("*"))
    return (value == found[3]) == (found[2] == "=")
