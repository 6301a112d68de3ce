"""Handles that a step works with: an artifact being made, and one that is published."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zenml.artifacts.types import Artifact


@dataclass
class NewArtifact:
    """A folder that a step fills; it becomes an artifact only when it is published.

    Args:
        type: what it will be.
        path: the local folder to write files into; it exists and is empty.
        properties: facts for the manifest (JSON types): row counts, source identity; no time, host, run or path.
        key: its place in the store that gave it.
    """

    type: type[Artifact]
    path: Path
    properties: dict[str, Any] = field(default_factory=dict)
    key: str = ""


@dataclass(frozen=True)
class StoredArtifact:
    """A published, immutable artifact.

    Args:
        type: the name of its type.
        uri: where it is kept.
        digest: content digest, `sha256:…`.
        path: a local folder with its files.
        properties: the facts that its maker left in the manifest.
    """

    type: str
    uri: str
    digest: str
    path: Path
    properties: dict[str, Any]
