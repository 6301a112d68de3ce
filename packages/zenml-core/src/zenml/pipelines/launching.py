"""Launching: from a spec to a run. `pipeline.run()` and `zenml pipeline run` both come through here."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Mapping
from pathlib import Path

from zenml import __version__
from zenml.artifacts.store import ArtifactStore
from zenml.backends.launch import Launch
from zenml.backends.orchestrator_interface import OrchestratorBackend
from zenml.backends.reporter import Reporter
from zenml.config.git import GitQuery
from zenml.config.repository import with_secrets_of_root
from zenml.config.run_stores import RunStores, store_facts
from zenml.config.settings import artifact_store as default_artifact_store
from zenml.config.settings import metadata_store as default_metadata_store
from zenml.metadata.store import MetadataStore
from zenml.runtime.console import Console
from zenml.runtime.executor import execute
from zenml.runtime.graph import Graph, build_graph
from zenml.runtime.identifiers import new_run_id
from zenml.runtime.live import is_live
from zenml.runtime.orchestrator_base import OrchestratorBaseBackend
from zenml.runtime.planning import Plan, make_plan
from zenml.runtime.resuming import resumable
from zenml.runtime.run import Run
from zenml.runtime.source_roots import use_source_roots
from zenml.spec.model import PipelineSpec
from zenml.spec.yaml_format import Lines
from zenml.steps.base import Step


@with_secrets_of_root
def launch(
    spec: PipelineSpec,
    root: Path,
    *,
    live: Mapping[str, Step] | None = None,
    lines: Lines | None = None,
    backend: OrchestratorBackend | None = None,
    metadata_store: MetadataStore | None = None,
    artifact_store: ArtifactStore | str | None = None,
    wait: bool = True,
    report: Reporter | None = None,
    resume: str | None = None,
) -> Run:
    """Check a spec whole, run it, and return the run.

    Args:
        spec: the spec.
        root: the repository root.
        live: steps that exist as objects already, by id.
        lines: where the spec's parts stand in their file.
        backend: overrides the spec's orchestrator.
        metadata_store: overrides the spec's.
        artifact_store: overrides the spec's.
        wait: return only when the run has ended.
        report: takes messages and progress; by default the console, which also gets a table of the ended run.
        resume: id of a run that did not complete, which goes on instead of a new one.

    Raises:
        SpecError: every problem with the pipeline, found before anything runs.
        ConfigError: the run to resume cannot go on.
        RunFailed: the run ended in another state than COMPLETE.
    """
    shown = report is None
    job, _, backend = prepare(
        spec,
        root,
        live=live,
        lines=lines,
        backend=backend,
        metadata_store=metadata_store,
        artifact_store=artifact_store,
        report=report or Console(),
        resume=resume,
    )
    backend.run(job, wait=wait)
    run = Run(job.run_id, job.metadata, job.store)
    if wait:
        if shown:
            run.print()
        run.raise_if_failed()
    return run


@with_secrets_of_root
def plan(
    spec: PipelineSpec,
    root: Path,
    *,
    live: Mapping[str, Step] | None = None,
    lines: Lines | None = None,
    backend: OrchestratorBackend | None = None,
    metadata_store: MetadataStore | None = None,
    artifact_store: ArtifactStore | str | None = None,
) -> Plan:
    """Check a spec whole, and return what running it would do.

    Args:
        spec: the spec.
        root: the repository root.
        live: steps that exist as objects already, by id.
        lines: where the spec's parts stand in their file.
        backend: overrides the spec's orchestrator.
        metadata_store: overrides the spec's.
        artifact_store: overrides the spec's.

    Raises:
        SpecError: every problem with the pipeline.
        DataError: a source cannot be read.
    """
    job, graph, orchestrator = prepare(
        spec,
        root,
        live=live,
        lines=lines,
        backend=backend,
        metadata_store=metadata_store,
        artifact_store=artifact_store,
        report=Console(quiet=True),
    )
    return make_plan(job, graph, orchestrator)


def prepare(
    spec: PipelineSpec,
    root: Path,
    *,
    report: Reporter,
    live: Mapping[str, Step] | None = None,
    lines: Lines | None = None,
    backend: OrchestratorBackend | None = None,
    metadata_store: MetadataStore | None = None,
    artifact_store: ArtifactStore | str | None = None,
    resume: str | None = None,
) -> tuple[Launch, Graph, OrchestratorBackend]:
    """Check a spec whole; return all that a run of it needs: the launch, the graph, and the orchestrator.

    The arguments are those of `launch`.
    """
    with GitQuery(root) as git:
        use_source_roots(root, spec.environment.source_roots)
        graph = build_graph(spec, live=live, lines=lines, root=root)
        code = git.facts()
    if backend is None and spec.run.backend:
        backend = OrchestratorBackend.from_config(spec.run.backend.model_dump())
    backend = backend or OrchestratorBaseBackend()
    metadata = default_metadata_store(root, metadata_store or spec.run.metadata_store)
    recorded = resumable(metadata, resume) if resume else None
    before = RunStores(root).named(recorded) if recorded else None
    store = default_artifact_store(root, artifact_store or before or spec.run.artifact_store)
    store.require_secrets()
    live_steps = tuple(
        node.id
        for node in graph.nodes
        if is_live(type(node.step)) or (node.backend is not None and is_live(type(node.backend)))
    )
    if live_steps:
        report.warn(
            f"Steps of the launched script or a notebook ({', '.join(live_steps)}): this run is not reproducible. "
            "Move their classes into a module"
        )
    facts = {
        "zenml": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
        "executable": sys.executable,
        "root": str(root),
        **store_facts(store),
        "backend": type(backend).__name__,
        "orchestrator": json.dumps(backend.to_config(), sort_keys=True),
        "reproducible": "no" if live_steps else "yes",
    }
    if code:
        facts |= {"git_sha": code.sha, "git_dirty": "yes" if code.dirty else "no", "git_diff": code.diff}
    run_id = resume or new_run_id()
    job = Launch(
        run_id,
        graph.spec,
        metadata,
        store,
        root,
        report,
        lambda parallel_steps: execute(job, graph, parallel_steps),
        live_steps,
        facts,
        bool(resume),
    )
    return job, graph, backend
