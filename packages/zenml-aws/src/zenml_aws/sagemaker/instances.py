"""How many GPUs the instance types of SageMaker have; for those that are not known here, it can be given."""

from __future__ import annotations

_ONE = ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "16xlarge")
_G5 = {**dict.fromkeys(_ONE, 1), "12xlarge": 4, "24xlarge": 4, "48xlarge": 8}
_GPUS: dict[str, dict[str, int]] = {
    "g4dn": {**dict.fromkeys(_ONE, 1), "12xlarge": 4},
    "g5": _G5,
    "g6": _G5,
    "g6e": _G5,
    "g7e": {**dict.fromkeys(_ONE, 1), "12xlarge": 2, "24xlarge": 4, "48xlarge": 8},
    "p2": {"xlarge": 1, "8xlarge": 8, "16xlarge": 16},
    "p3": {"2xlarge": 1, "8xlarge": 4, "16xlarge": 8},
    "p3dn": {"24xlarge": 8},
    "p4d": {"24xlarge": 8},
    "p4de": {"24xlarge": 8},
    "p5": {"4xlarge": 1, "48xlarge": 8},
    "p5e": {"48xlarge": 8},
    "p5en": {"48xlarge": 8},
    "p6-b200": {"48xlarge": 8},
    "p6-b300": {"48xlarge": 8},
    "p6e-gb200": {"36xlarge": 4},
}


def gpus_of(instance_type: str) -> int:
    """Return the number of NVIDIA GPUs of a type as `ml.g5.12xlarge`; 0 where none are known of."""
    _, family, size = instance_type.split(".")
    return _GPUS.get(family, {}).get(size, 0)
