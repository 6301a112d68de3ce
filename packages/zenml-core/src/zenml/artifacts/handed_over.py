"""How a job in another process learns of the options of its artifact store before it can read anything there."""

from __future__ import annotations

import json
import os

from zenml.artifacts.store import ArtifactStore
from zenml.spec.model import ComponentSpec

VARIABLE = "ZENML_ARTIFACT_STORE"
"""Environment variable that holds the type and config of a store, in JSON; secrets by reference only."""


def environment(store: ArtifactStore) -> dict[str, str]:
    """Return the variables that a job needs to open a store by its path; none where the path is all."""
    written = store.to_spec()
    return {} if isinstance(written, str) else {VARIABLE: written.model_dump_json()}


def store_at(path: str) -> ArtifactStore:
    """Return the store at a path, with the options that were handed over with it."""
    text = os.environ.get(VARIABLE)
    if text:
        handed = ArtifactStore.from_spec(ComponentSpec(**json.loads(text)))
        if handed.path.rstrip("/") == path.rstrip("/"):
            return handed
    return ArtifactStore(path)
