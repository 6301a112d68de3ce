"""What is installed where a run works, kept once per environment in the artifact store."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from pathlib import Path
from typing import Any

from zenml.artifacts.store import ArtifactStore

_ENDINGS = ("dist-info", "egg-info")


def installed() -> dict[str, str]:
    """Return the versions of all distributions that can be imported, by name in lower case.

    Only the names of their metadata folders are read, so that it takes a millisecond.
    """
    found: dict[str, str] = {}
    for entry in sys.path:
        try:
            names = [path.name for path in Path(entry or ".").iterdir()]
        except OSError:
            continue
        for name in names:
            stem, _, ending = name.rpartition(".")
            distribution, dash, rest = stem.partition("-")
            if ending in _ENDINGS and dash:
                found.setdefault(distribution.lower().replace("_", "-"), rest.partition("-")[0])
    return dict(sorted(found.items()))


def environment() -> dict[str, Any]:
    """Return what this process works with: Python, platform, and what is installed."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
        "distributions": installed(),
    }


def environment_bytes() -> bytes:
    """Return the environment of this process as it is kept."""
    return json.dumps(environment(), sort_keys=True).encode()


def environment_digest(data: bytes) -> str:
    """Return the digest under which an environment is kept."""
    return hashlib.sha256(data).hexdigest()


def keep_environment(store: ArtifactStore, data: bytes) -> None:
    """Keep an environment in a store, unless it is there.

    Raises:
        StoreError: it cannot be written.
    """
    key = _key(environment_digest(data))
    if not store.has(key):
        store.write_bytes(key, data)


def read_environment(store: ArtifactStore, digest: str) -> dict[str, Any] | None:
    """Return a kept environment; None where it is not there."""
    if not digest or not store.has(_key(digest)):
        return None
    found: dict[str, Any] = json.loads(store.read_bytes(_key(digest)))
    return found


def _key(digest: str) -> str:
    return f"environments/{digest}.json"
