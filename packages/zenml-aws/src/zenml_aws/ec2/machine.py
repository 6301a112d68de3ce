"""What the name of an instance type tells: the architecture, NVIDIA GPUs, the quota that it counts against."""

from __future__ import annotations

import re

_TYPE = re.compile(r"(?P<family>[a-z]+)(?P<generation>[0-9]*)(?P<more>[a-z]*)(?P<rest>-[a-z0-9-]+)?\.")
_STANDARD = ("L-1216C47A", "L-34B43A08")
_QUOTAS = {
    "dl": ("L-6E869C2A", "L-85EED4F7"),
    "f": ("L-74FC7D96", "L-88CF9481"),
    "g": ("L-DB2E81BA", "L-3819A6DF"),
    "gr": ("L-DB2E81BA", "L-3819A6DF"),
    "hpc": ("L-F7808C92", "L-F7808C92"),
    "inf": ("L-1945791B", "L-B5D1601B"),
    "p": ("L-417A185B", "L-7212CCBC"),
    "trn": ("L-2C3B7624", "L-6B0D517C"),
    "u": ("L-43DA4232", "L-43DA4232"),
    "vt": ("L-DB2E81BA", "L-3819A6DF"),
    "x": ("L-7295265B", "L-E3A00192"),
}
"""Codes of the quotas of vCPUs, on demand and spot, by family; all other families share one."""

_AMAZON_LINUX = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-"
_WITH_NVIDIA = "/aws/service/ecs/optimized-ami/amazon-linux-2023/gpu/recommended/image_id"


def architecture(instance_type: str) -> str:
    """Return `arm64` or `x86_64`."""
    found = _TYPE.match(instance_type)
    if found is None:
        return "x86_64"
    own = (found["generation"] and "g" in found["more"]) or "-gb" in (found["rest"] or "")
    return "arm64" if own or found["family"] == "a" else "x86_64"


def has_nvidia(instance_type: str) -> bool:
    """Tell whether the type has GPUs of NVIDIA."""
    found = _TYPE.match(instance_type)
    return bool(found and found["family"] in ("p", "g", "gr") and not instance_type.startswith("g4ad"))


def quota_family(instance_type: str) -> str:
    """Return the family that has a quota of its own, or an empty string for those that share one."""
    found = _TYPE.match(instance_type)
    return found["family"] if found and found["family"] in _QUOTAS else ""


def quota_code(instance_type: str, *, spot: bool) -> str:
    """Return the code of the quota that the type's vCPUs count against."""
    return _QUOTAS.get(quota_family(instance_type), _STANDARD)[spot]


def image_parameter(instance_type: str) -> str | None:
    """Return the public parameter that holds the newest Amazon Linux for a type; None where there is none with drivers.

    The image for GPUs is the one made for ECS, which has their drivers and the container toolkit.
    """
    if has_nvidia(instance_type):
        return _WITH_NVIDIA if architecture(instance_type) == "x86_64" else None
    return _AMAZON_LINUX + architecture(instance_type)
