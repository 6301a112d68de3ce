"""The log that a driver left in S3."""

from __future__ import annotations

import gzip
import re
import zlib

from zenml.artifacts.store import ArtifactStore
from zenml.errors import StoreError

_LINES = 15
_WIDEST = 400
_NOISE = re.compile(r" (INFO|DEBUG|WARN) |^\s+at (org|java|scala|jdk|sun|py4j)\.|^\s*$|^\s*\.\.\. \d+ more")


def last_lines(store: ArtifactStore, key: str) -> list[str]:
    """Return the last lines of a log that tell of trouble; none where there is no log, or it cannot be read."""
    lines = [line[:_WIDEST] for line in read(store, key).splitlines() if not _NOISE.search(line)]
    return lines[-_LINES:]


def read(store: ArtifactStore, key: str) -> str:
    """Return a log as text; empty where there is none, or it cannot be read."""
    try:
        if not store.has(key):
            return ""
        return gzip.decompress(store.read_bytes(key)).decode("utf-8", "replace")
    except (StoreError, OSError, EOFError, zlib.error):
        return ""
