"""Submitted: what a repository remembers of the runs that it submitted, until their end was seen.

It is written before anything is made elsewhere, so that nothing of a client that is killed half-way stays unknown.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zenml.artifacts.store import ArtifactStore
from zenml.backends.launch import Launch
from zenml.backends.orchestrator_interface import OrchestratorBackend
from zenml.data.shards import atomic_file
from zenml.runtime.identifiers import RUN_ID
from zenml.spec.model import ComponentSpec


@dataclass(frozen=True)
class Submitted:
    """A run that was, or was about to be, submitted from a repository.

    Args:
        root: the repository root.
        run_id: the run.
    """

    root: Path
    run_id: str

    @classmethod
    def all(cls, root: Path) -> Iterator[Submitted]:
        """Yield all that are remembered, newest first."""
        found = (path.stem for path in (root / ".zenml" / "submitted").glob("r*.json"))
        yield from (cls(root, run_id) for run_id in sorted(found, reverse=True) if RUN_ID.fullmatch(run_id))

    @property
    def path(self) -> Path:
        """The file that remembers it."""
        return self.root / ".zenml" / "submitted" / f"{self.run_id}.json"

    def write(self, launch: Launch) -> None:
        """Remember a launch."""
        store = launch.store.to_spec()
        told = {
            "pipeline": launch.spec.name,
            "orchestrator": json.loads(launch.facts["orchestrator"]),
            "artifact_store": store if isinstance(store, str) else store.model_dump(),
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(self.path) as file:
            file.write(json.dumps(told, sort_keys=True).encode())

    def forget(self) -> None:
        """Forget the run: its end was seen, or nothing of it was made."""
        self.path.unlink(missing_ok=True)

    @property
    def pipeline(self) -> str:
        """The pipeline's name."""
        return str(self._told()["pipeline"])

    @property
    def orchestrator(self) -> dict[str, Any]:
        """The config of where it runs."""
        config: dict[str, Any] = self._told()["orchestrator"]
        return config

    @property
    def backend(self) -> OrchestratorBackend:
        """Where it runs."""
        found: OrchestratorBackend = OrchestratorBackend.from_config(self.orchestrator)
        return found

    @property
    def store(self) -> ArtifactStore:
        """Where its artifacts are."""
        written = self._told()["artifact_store"]
        return ArtifactStore.from_spec(written if isinstance(written, str) else ComponentSpec(**written))

    def _told(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.path.read_bytes())
        return told
