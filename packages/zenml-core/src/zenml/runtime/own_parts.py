"""OwnParts: what a step by itself adds to its fingerprint: its type, code and config."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zenml.plugins.registry import type_name
from zenml.runtime.code_digest import code_of
from zenml.steps.base import Step


@dataclass(frozen=True)
class OwnParts:
    """The parts of a fingerprint that come from the step alone (JSON types).

    Args:
        parts: by name.
        versions: versions of distributions, by name.
        servable: whether past results may be served; not so for a class without source file.
    """

    parts: Mapping[str, Any]
    versions: Mapping[str, str]
    servable: bool


def own_parts(step: Step, roots: Sequence[Path]) -> OwnParts:
    """Return what a step adds to its fingerprint.

    Args:
        step: the step.
        roots: absolute folders of the user's modules.
    """
    kind = type(step)
    parts: dict[str, Any] = {"type": type_name(kind), "config": step.fingerprint_config()}
    versions = {name: importlib.metadata.version(name) for name in step.VERSIONED_BY}
    servable = True
    if ":" not in parts["type"] and step.CACHE_VERSION is not None:
        parts["code"] = step.CACHE_VERSION
    else:
        code = code_of(kind, tuple(roots))
        parts["code"] = dict(code.files)
        versions |= dict(code.versions)
        servable = bool(code.digest)
    classes: dict[str, dict[str, str]] = {}
    for other in step.code_classes():
        code = code_of(other, tuple(roots))
        classes[type_name(other)] = dict(code.files)
        versions |= dict(code.versions)
        servable = servable and bool(code.digest)
    if classes:
        parts["classes"] = classes
    return OwnParts(parts, versions, servable)
