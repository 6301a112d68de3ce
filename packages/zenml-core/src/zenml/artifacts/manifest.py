"""Manifest: the file, written last, that makes a folder an artifact."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from zenml.errors import StoreError

NAME = "manifest.json"
"""Its name in an artifact's folder."""

FORMAT = 1


@dataclass(frozen=True, slots=True)
class File:
    """One file of an artifact: name relative to its folder (with `/`), size in bytes, SHA-256 in hex.

    `content` says whether it counts in the content digest.
    """

    name: str
    size: int
    sha256: str
    content: bool = True


@dataclass(frozen=True)
class Manifest:
    """What an artifact is: nothing in it tells when, where or by which run it was made.

    Args:
        type: name of the artifact's type.
        files: all files but the manifest, sorted by name.
        properties: facts that its maker left, in JSON types.
    """

    type: str
    files: tuple[File, ...]
    properties: dict[str, Any]

    @property
    def digest(self) -> str:
        """The content digest: SHA-256 over name, size and SHA-256 of each content file, sorted by name."""
        return content_digest(file for file in self.files if file.content)

    @property
    def sizes(self) -> dict[str, int]:
        """Sizes by file name."""
        return {file.name: file.size for file in self.files}

    def to_bytes(self) -> bytes:
        """Return the manifest as canonical JSON."""
        body = {
            "digest": self.digest,
            "files": [
                {"content": file.content, "name": file.name, "sha256": file.sha256, "size": file.size}
                for file in self.files
            ],
            "format": FORMAT,
            "properties": self.properties,
            "type": self.type,
        }
        return _json({**body, "check": _check(body)}) + b"\n"

    @classmethod
    def from_bytes(cls, data: bytes, where: str) -> Manifest:
        """Read what `to_bytes` wrote.

        Raises:
            StoreError: it is damaged, was changed, or is of a newer format.
        """
        try:
            body = json.loads(data)
            check = body.pop("check")
            if body["format"] > FORMAT:
                raise StoreError(f"the artifact has format {body['format']}", where, "Update zenml-core to read it")
            manifest = cls(body["type"], tuple(File(**file) for file in body["files"]), body["properties"])
            sound = check == _check(body) and body["digest"] == manifest.digest
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise _damaged(where) from error
        if not sound:
            raise _damaged(where)
        return manifest


def content_digest(files: Iterable[File]) -> str:
    """Return `sha256:…` over the (name, size, SHA-256) of files, whatever their order."""
    rows = sorted((file.name, file.size, file.sha256) for file in files)
    return f"sha256:{hashlib.sha256(_json(rows)).hexdigest()}"


def _check(body: dict[str, Any]) -> str:
    return hashlib.sha256(_json(body)).hexdigest()


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _damaged(where: str) -> StoreError:
    return StoreError("the artifact's manifest is damaged or was changed", where, "Delete the artifact and run again")
