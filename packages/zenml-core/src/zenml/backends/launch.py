"""Launch: what an orchestrator backend is given to run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from zenml.artifacts.store import ArtifactStore
from zenml.backends.reporter import Reporter
from zenml.metadata.records import State
from zenml.metadata.store import MetadataStore
from zenml.spec.model import PipelineSpec


@dataclass(frozen=True)
class Launch:
    """A checked pipeline and where its traces go.

    Args:
        run_id: the run's id.
        spec: the spec, with all inputs written out.
        metadata: where the run is recorded.
        store: where artifacts are published.
        root: the repository root; relative paths of datasources and source roots start here.
        report: messages and progress.
        run_here: runs the pipeline from this process to its end and returns the state in which it ended; given how
            many steps may run side by side.
        live_steps: ids of steps whose classes can be used in this process only (a script's own, a notebook's).
        facts: facts of the run to record (git SHA, Python version, …).
        resume: go on with the recorded run of that id instead of recording a new one.
        recorded_spec: the spec's text to record, where it is not that of `spec`: its secrets may be named otherwise
            where they are used.
    """

    run_id: str
    spec: PipelineSpec
    metadata: MetadataStore
    store: ArtifactStore
    root: Path
    report: Reporter
    run_here: Callable[[int], State]
    live_steps: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    resume: bool = False
    recorded_spec: str = ""

    @property
    def source_roots(self) -> list[Path]:
        """Absolute folders of the user's modules."""
        return [self.root / folder for folder in self.spec.environment.source_roots]

    @property
    def scratch(self) -> Path:
        """Folder for files that nobody needs after the run."""
        return self.root / ".zenml" / "tmp" / self.run_id
