"""RunStores: the artifact stores in which recorded runs keep what they made, wherever runs are kept by now."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from zenml.artifacts.schemes import local_path, scheme_of
from zenml.artifacts.store import ArtifactStore
from zenml.config.settings import artifact_store
from zenml.errors import ZenMLError
from zenml.metadata.records import RunRecord
from zenml.spec.model import ComponentSpec

PLACE, OPTIONS = "artifact_store", "artifact_store_options"
"""Facts of a run that name its store: where it is, and, where it has options, its type and config in JSON."""


class RunStores:
    """Finds the store of a run by its facts; secrets are those of the repository that looks.

    Where a run names none, or one that cannot be used from here (a folder of another machine, a plugin that is not
    installed), the one that is used here takes its place.

    Args:
        root: the root of the repository that looks.
        chosen: the store that is used there; by default the configured one.
    """

    def __init__(self, root: Path, chosen: ArtifactStore | ComponentSpec | str | None = None) -> None:
        self._root = root
        self.own = artifact_store(root, chosen)
        self._found: dict[tuple[str, str], ArtifactStore | None] = {}

    def of(self, run: RunRecord) -> ArtifactStore:
        """Return the store of a run, or the one used here."""
        return self.named(run) or self.own

    def named(self, run: RunRecord) -> ArtifactStore | None:
        """Return the store that a run names; None where it names none, or one that cannot be used from here."""
        named = (run.facts.get(PLACE, ""), run.facts.get(OPTIONS, ""))
        if named not in self._found:
            self._found[named] = self._open(*named)
        return self._found[named]

    def _open(self, place: str, options: str) -> ArtifactStore | None:
        if not place or not _is_here(place):
            return None
        if place in (self.own.path.rstrip("/"), self.own.place):
            return self.own
        try:
            return artifact_store(self._root, ComponentSpec(**json.loads(options)) if options else place)
        except (ZenMLError, ValueError):
            return None


def store_facts(store: ArtifactStore) -> Mapping[str, str]:
    """Return the facts by which the store of a run is found; secrets in its options are references."""
    written = store.to_spec()
    return {PLACE: store.place, OPTIONS: "" if isinstance(written, str) else written.model_dump_json()}


def _is_here(place: str) -> bool:
    """Say whether a place can be there from this machine: any URL, and a folder that is."""
    if scheme_of(place) not in ("", "file"):
        return True
    try:
        return os.access(local_path(place), os.R_OK | os.X_OK)
    except ZenMLError:
        return False
