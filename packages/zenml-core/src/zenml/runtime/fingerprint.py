"""Fingerprint: what a step's outputs depend on, and nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zenml.backends.interfaces import TrainingBackend
from zenml.runtime.graph import Node
from zenml.runtime.own_parts import own_parts
from zenml.runtime.pinned_step import PinnedStep

FINGERPRINT_FORMAT = 1


@dataclass(frozen=True)
class Fingerprint:
    """The parts (JSON types) and their digest.

    Args:
        parts: by name; they never hold a git SHA, an image, a processing backend, a worker count or a URI.
        servable: whether a past result with the same digest may be served; not so for a class without source file.
    """

    parts: Mapping[str, Any]
    servable: bool = True

    @property
    def digest(self) -> str:
        """SHA-256 over the canonical JSON of the parts, in hexadecimal."""
        return hashlib.sha256(canonical_json(self.parts)).hexdigest()


def canonical_json(value: Any) -> bytes:
    """Return JSON with sorted keys and no spaces: equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=True).encode()


def fingerprint(
    node: Node, seed: int, inputs: Mapping[str, str], source: str | None, roots: Sequence[Path]
) -> Fingerprint:
    """Return a step's fingerprint.

    Args:
        node: the step in its place.
        seed: the pipeline's seed.
        inputs: content digest by input name.
        source: a datasource's source identity.
        roots: absolute folders of the user's modules.
    """
    step = node.step
    own = step.own if isinstance(step, PinnedStep) else own_parts(step, roots)
    parts: dict[str, Any] = {"format": FINGERPRINT_FORMAT, **own.parts, "inputs": dict(inputs)}
    if step.SEEDED:
        parts["seed"] = seed
    if source is not None:
        parts["source"] = source
    if isinstance(node.backend, TrainingBackend):
        config = node.backend.model_dump(mode="json")
        parts["backend"] = {name: config[name] for name in node.backend.FINGERPRINTED}
    parts["versions"] = dict(own.versions)
    return Fingerprint(parts, own.servable)
