"""Handles that a step works with: an artifact being made, and one that is published."""

from __future__ import annotations

from collections.abc import Callable
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


class StoredArtifact:
    """A published, immutable artifact.

    Args:
        type: the name of its type.
        uri: where it is kept.
        digest: content digest, `sha256:…`.
        path: a local folder with its files, or what brings them into one; that is called when the path is first asked.
        properties: the facts that its maker left in the manifest.
    """

    def __init__(
        self,
        type: str,  # noqa: A002 - what it is
        uri: str,
        digest: str,
        path: Path | Callable[[], Path],
        properties: dict[str, Any],
    ) -> None:
        self.type = type
        self.uri = uri
        self.digest = digest
        self.properties = properties
        self._path = path

    @property
    def path(self) -> Path:
        """A local folder with its files; one that is kept elsewhere is fetched at the first look.

        Raises:
            StoreError: it cannot be fetched, or it is not as it was published.
        """
        if not isinstance(self._path, Path):
            self._path = self._path()
        return self._path

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StoredArtifact):
            return NotImplemented
        mine = (self.type, self.uri, self.digest, self.properties)
        return mine == (other.type, other.uri, other.digest, other.properties)

    def __hash__(self) -> int:
        return hash((self.uri, self.digest))

    def __repr__(self) -> str:
        return f"StoredArtifact({self.type!r}, {self.uri!r}, {self.digest!r})"
