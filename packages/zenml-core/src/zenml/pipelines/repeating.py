"""Repeating: recorded runs that go on, or are run again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from zenml.backends.orchestrator_interface import OrchestratorBackend
from zenml.backends.reporter import Reporter
from zenml.config.repository import with_secrets_of_root
from zenml.config.run_stores import RunStores
from zenml.config.settings import metadata_store
from zenml.pipelines.launching import launch, prepare
from zenml.runtime.console import Console
from zenml.runtime.reproducing import Reproduction, compare_outputs, find_differences
from zenml.runtime.resuming import resumable
from zenml.runtime.run import Run
from zenml.spec.yaml_format import read_yaml


@with_secrets_of_root
def resume(
    run_id: str, root: Path, *, take_over: bool = False, wait: bool = True, report: Reporter | None = None
) -> Run:
    """Let a recorded run that did not complete go on, with its own spec, stores and orchestrator.

    Args:
        run_id: id of a run in the repository's metadata store.
        root: the repository root.
        take_over: also where nothing is known of the process that ran it; that one can publish nothing more.
        wait: return only when the run has ended.
        report: takes messages and progress.

    Raises:
        StoreError: there is no such run.
        ConfigError: it is COMPLETE or going on, or a step that it published has changed.
        RunFailed: it ended in another state than COMPLETE.
    """
    metadata = metadata_store(root)
    record = resumable(metadata, run_id, take_over=take_over)
    spec, lines = read_yaml(record.spec)
    orchestrator = json.loads(record.facts.get("orchestrator", "null"))
    backend = OrchestratorBackend.from_config(orchestrator) if orchestrator else None
    return launch(
        spec,
        root,
        lines=lines,
        backend=backend,
        metadata_store=metadata,
        wait=wait,
        report=report,
        resume=run_id,
    )


@with_secrets_of_root
def reproduce(
    run_id: str,
    root: Path,
    *,
    use_cache: bool = True,
    only_compare: bool = False,
    report: Reporter | None = None,
) -> Reproduction:
    """Run the spec of a recorded run again; say what differs between then and now, and whether the outputs do.

    Args:
        run_id: id of a run in the repository's metadata store.
        root: the repository root.
        use_cache: whether results of then may be served.
        only_compare: run nothing.
        report: takes messages and progress.

    Raises:
        StoreError: there is no such run.
        SpecError: the spec does not fit what is installed now.
        RunFailed: the new run ended in another state than COMPLETE.
    """
    metadata, stores = metadata_store(root), RunStores(root)
    original = Run(run_id, metadata, stores.own)
    original = replace(original, store=stores.of(original.record))
    spec, lines = read_yaml(original.record.spec)
    if not use_cache:
        steps = [step.model_copy(update={"enable_cache": None}) for step in spec.steps]
        spec = spec.model_copy(update={"enable_cache": False, "steps": steps})
    console = report or Console()
    job, graph, _ = prepare(spec, root, lines=lines, metadata_store=metadata, report=Console(quiet=True))
    differences = find_differences(job, graph, original)
    if only_compare:
        return Reproduction(original, tuple(differences), None, {})
    for row in differences:
        console.warn(f"{row.what}: {row.then or 'none'} then, {row.now or 'none'} now")
    run = launch(spec, root, lines=lines, metadata_store=metadata, report=report)
    return Reproduction(original, tuple(differences), run, compare_outputs(original, run))
