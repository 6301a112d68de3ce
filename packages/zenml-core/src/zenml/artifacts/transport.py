"""Transport: how an artifact store reaches the place where files are kept. Implement it for another kind of place."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from zenml.artifacts.manifest import Manifest


class Transport(ABC):
    """Moves files between local folders and the place where they are kept.

    Places are named by *keys*: relative paths with `/`. Whatever goes wrong is an OSError (FileNotFoundError where
    nothing is at a key) or a StoreError.

    Args:
        root: path or URL of the store.
    """

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/") or root

    def uri(self, key: str) -> str:
        """Return the URI of what is at a key."""
        return f"{self.root}/{key}"

    def key(self, uri: str) -> str | None:
        """Return the key of what is at a URI, or None when that is in no place of this store."""
        prefix = f"{self.root}/"
        return uri.removeprefix(prefix) if uri.startswith(prefix) else None

    @abstractmethod
    def check(self) -> None:
        """Find out whether files can be kept here, before somebody relies on it; nothing is left behind."""

    @abstractmethod
    def new_folder(self, key: str) -> Path:
        """Return an empty local folder for files that will be kept at `key`; FileExistsError when it is in use."""

    @abstractmethod
    def commit(self, key: str, folder: Path, names: Sequence[str]) -> None:
        """Put files of a folder that `new_folder` gave where they are kept, so that they outlive a power cut."""

    @abstractmethod
    def settle(self, key: str, folder: Path, manifest: Manifest) -> None:
        """Do what one likes with a folder that `new_folder` gave: its artifact is published."""

    @abstractmethod
    def fetch(self, key: str, manifest: Manifest) -> Path:
        """Return a local folder that holds the files kept at `key`; nobody writes into it.

        Raises:
            StoreError: what had to be fetched is not as the manifest says.
        """

    @abstractmethod
    def digests(self, key: str, names: Sequence[str]) -> list[str]:
        """Return the SHA-256 in hex of files below `key`, read where they are kept."""

    @abstractmethod
    def write(self, key: str, data: bytes) -> None:
        """Put a file at `key`, in place of what is there: whole or not at all, and so that it outlives a power cut."""

    @abstractmethod
    def read(self, key: str) -> bytes:
        """Return the file at `key`."""

    @abstractmethod
    def sizes(self, key: str) -> dict[str, int]:
        """Return the sizes of all files below `key`, by name relative to it, sorted; empty when there are none."""

    def touched(self, key: str) -> frozenset[str]:
        """Return the names of files below `key` that were written after its manifest, where that can be told."""
        return frozenset()

    @abstractmethod
    def folders(self, key: str) -> list[str]:
        """Return the names of the folders right below `key`, sorted."""

    def unfinished(self) -> list[str]:
        """Return the keys of files whose sending was broken off, where that left something that no listing shows."""
        return []

    @abstractmethod
    def exists(self, key: str) -> bool:
        """Say whether a file is at `key`."""

    def modified(self, key: str) -> float | None:
        """Return when the file at `key` was written, in seconds since the epoch; None where that cannot be told."""
        return None

    @abstractmethod
    def remove(self, key: str) -> None:
        """Remove the file or all files at `key`, unfinished ones too; what is not there is no error."""
