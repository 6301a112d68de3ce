"""IdentityMemo: remembers the content digests of files and the last readings of databases."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from zenml.data.shards import atomic_file
from zenml.data.source_files import SourceFile

FORMAT = 1
_UNSETTLED_NS = 100_000_000
"""A file touched so shortly before it was read may change again without a new time stamp."""


class IdentityMemo:
    """Digests of local files by path, size, modification time and inode, and when which database was last read.

    Args:
        path: a JSON file to keep them in; without one they are kept in memory. A missing, unreadable or foreign file
            counts as empty, and one that cannot be written is done without.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._rows: dict[str, dict[str, Any]] | None = None
        self._readings: dict[str, dict[str, Any]] = {}
        self._dirty = False

    def digest(self, file: SourceFile) -> str:
        """Return what identifies the content of a file: its SHA-256, or the version that an object store gives."""
        if not file.local:
            return file.version or f"sha256:{file.digest()}"
        key = {"size": file.size, "version": file.version}
        known = self._load().get(file.url)
        if known is not None and {name: known.get(name) for name in key} == key:
            return str(known["digest"])
        digest = f"sha256:{file.digest()}"
        touched = int(file.version.partition("-")[0])
        if time.time_ns() - touched > _UNSETTLED_NS and file.again() == file:
            self._load()[file.url] = {**key, "digest": digest}
            self._dirty = True
        return digest

    def reading(self, source: str, seconds: float) -> str:
        """Return the identity of the last reading of a source that cannot tell when it changed.

        Args:
            source: what was read, and how.
            seconds: how long ago the reading may have begun.

        Returns:
            The identity, or an empty string where there is no such reading.
        """
        self._load()
        row = self._readings.get(source, {"identity": "", "began": -math.inf})
        return str(row["identity"]) if 0 <= time.time() - row["began"] <= seconds else ""

    def remember_reading(self, source: str, identity: str, began: float) -> None:
        """Remember a reading that succeeded; `began` is its time in seconds since 1970."""
        self._load()
        self._readings[source] = {"identity": identity, "began": began}
        self._dirty = True
        self.save()

    def _load(self) -> dict[str, dict[str, Any]]:
        if self._rows is None:
            self._rows = {}
            if self._path is not None:
                try:
                    content = json.loads(self._path.read_bytes())
                    if content["format"] == FORMAT:
                        self._readings = {
                            source: {"identity": str(row["identity"]), "began": float(row["began"])}
                            for source, row in content.get("readings", {}).items()
                        }
                        self._rows = {
                            url: row for url, row in content["files"].items() if isinstance(row["digest"], str)
                        }
                except (OSError, ValueError, KeyError, TypeError, AttributeError):
                    self._rows = {}
        return self._rows

    def save(self) -> None:
        """Keep what was learned for the next process."""
        if self._path is None or not self._dirty:
            return
        self._dirty = False
        try:
            with atomic_file(self._path) as file:
                file.write(
                    json.dumps({"format": FORMAT, "files": self._rows, "readings": self._readings}, indent=1).encode()
                )
        except OSError:
            self._path = None


def source_identity(codec: str, parameters: Mapping[str, Any], files: Iterable[SourceFile], memo: IdentityMemo) -> str:
    """Return the identity of what is read from some files: their contents in order, how they are parsed, by what.

    Args:
        codec: name and version of the code that parses.
        parameters: whatever changes the parsed rows (JSON types).
        files: the files, in order; their names do not count.
        memo: remembers digests, and is saved.
    """
    parts = {"codec": codec, "parameters": parameters, "files": [memo.digest(file) for file in files]}
    memo.save()
    return f"sha256:{hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()}"
