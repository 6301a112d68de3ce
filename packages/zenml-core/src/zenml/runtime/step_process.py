"""A step in a process of its own: what its parent tells it, and what it does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from zenml.artifacts.store import ArtifactStore
from zenml.backends.launch import Launch
from zenml.metadata.liveness import this_owner
from zenml.metadata.records import Owner, State
from zenml.metadata.store import MetadataStore
from zenml.runtime.canceling import CanceledError, stop_on_sigterm
from zenml.runtime.child import child_environment, read_told, when_parent_ends
from zenml.runtime.console import Console
from zenml.runtime.graph import lone_node
from zenml.runtime.source_roots import use_source_roots
from zenml.runtime.step_run import StepFailedError, StepRun
from zenml.runtime.worker_pool import POOL
from zenml.spec.yaml_format import read_yaml, write_yaml

COMMAND = (sys.executable, "-m", "zenml.entrypoint", "step")


def start_step(launch: Launch, step: str, attempt: int) -> subprocess.Popen[bytes]:
    """Start a process that runs one step of a run that this process owns; its parents are published.

    It records what becomes of the step itself. When its standard input closes, as when this process dies, it ends.

    Args:
        launch: the run.
        step: the step's id.
        attempt: number of its first attempt.
    """
    told = {
        "run": launch.run_id,
        "spec": write_yaml(launch.spec),
        "metadata": launch.metadata.to_config(),
        "store": launch.store.to_config(),
        "root": str(launch.root),
        "facts": dict(launch.facts),
        "owner": asdict(this_owner()),
        "step": step,
        "attempt": attempt,
    }
    process = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, env=child_environment())
    assert process.stdin is not None  # noqa: S101 - opened as a pipe above
    process.stdin.write(json.dumps(told).encode() + b"\n")
    process.stdin.flush()
    return process


def run_step() -> int:
    """Run the step that standard input names; return 0 where it is published, else 1."""
    told = read_told()
    when_parent_ends(lambda: os._exit(1))  # whatever it is doing
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    launch = _launch(told)
    node = lone_node(launch.spec, told["step"], launch.root)
    record = launch.metadata.get_run(launch.run_id)
    steps = record.steps if record else ()
    published = {step.id: {row.name: row for row in step.outputs} for step in steps if step.state in _PUBLISHED}
    try:
        with stop_on_sigterm():
            StepRun(launch, node, published, told["attempt"]).go()
    except (StepFailedError, CanceledError):
        return 1
    finally:
        POOL.close()
    return 0


_PUBLISHED = (State.COMPLETE, State.CACHED)


def _launch(data: Mapping[str, Any]) -> Launch:
    spec, _ = read_yaml(data["spec"])
    root = Path(data["root"])
    use_source_roots(root, spec.environment.source_roots)
    metadata: MetadataStore = MetadataStore.from_config(data["metadata"])
    metadata.act_for(data["run"], Owner(**data["owner"]))
    store: ArtifactStore = ArtifactStore.from_config(data["store"])
    return Launch(data["run"], spec, metadata, store, root, Console(quiet=True), _run_nothing, facts=data["facts"])


def _run_nothing(_: int) -> State:
    raise RuntimeError("a process of one step runs no pipeline")
