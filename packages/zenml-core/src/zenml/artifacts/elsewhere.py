"""What to do where runs are shared, and their artifacts are in another store than the one that is set here."""

from __future__ import annotations

import os

from zenml.artifacts.schemes import local_path, scheme_of
from zenml.errors import StoreError

_DEPTH = 3
"""An artifact lies in `<type>/<fingerprint>/<attempt>` of its store."""


def store_of(uri: str) -> str:
    """Return the place of the store that holds, or held, the artifact at a URI; empty where it has no such form."""
    store, *parts = uri.rsplit("/", _DEPTH)
    return store if len(parts) == _DEPTH else ""


def how_to_reach(store: str) -> str:
    """Say how to use a store that is not the one set here, or that it cannot be used from here.

    Args:
        store: its place, a folder or a URL.
    """
    if scheme_of(store) not in ("", "file"):
        return f"Use that store: zenml config artifacts set {store}"
    try:
        there = os.access(local_path(store), os.R_OK | os.X_OK)
    except StoreError:
        there = False
    if there:
        return f"Use that store: zenml config artifacts set {store}"
    return (
        "That folder is on another machine, or not for you to read. Those who share runs share an artifact store too: "
        "zenml config artifacts set URL, before the run"
    )
