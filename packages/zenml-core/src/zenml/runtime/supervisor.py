"""The supervisor of a remote run: verifies the package, runs the pipeline in a child, writes how it ended."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from types import FrameType
from typing import IO

from zenml.artifacts.handed_over import store_at
from zenml.errors import ZenMLError
from zenml.metadata.liveness import this_owner
from zenml.metadata.records import RunRecord, State
from zenml.metadata.store import MetadataStore
from zenml.runtime.job_folder import JobFolder, StatusFile
from zenml.runtime.package import unpack
from zenml.spec.model import PipelineSpec
from zenml.spec.yaml_format import read_yaml


def supervise(spec_uri: str) -> int:
    """Run a staged job to its end; return the exit code: 0 where the run is COMPLETE, else 1."""
    folder, spec = open_job(spec_uri)
    owner = this_owner()
    folder.write_status(StatusFile(State.RUNNING, owner))
    canceled = threading.Event()
    try:
        with tempfile.TemporaryDirectory(prefix=f"zenml-{folder.run_id}-") as work:
            job = json.loads(folder.store.read_bytes(folder.key("job.json")))
            unpack(folder.store.read_bytes(f"packages/{job['package']}.tar.gz"), job["package"], Path(work))
            exit_code = _run_child(spec_uri, work, folder, canceled)
    except ZenMLError as error:
        state, reason, exit_code = State.FAILED, str(error), 1
    else:
        state, reason = _outcome(exit_code, canceled.is_set())
    state, reason = _settle(folder, spec, state, reason)
    folder.write_status(StatusFile(state, owner, reason, exit_code))
    return 0 if state is State.COMPLETE else 1


def open_job(spec_uri: str) -> tuple[JobFolder, PipelineSpec]:
    """Return the job's folder and its spec from the spec's URI, `<store>/runs/<id>/spec.yaml`."""
    base, run_id, _ = spec_uri.rsplit("/", 2)
    store = store_at(base.removesuffix("/runs"))
    folder = JobFolder(store, run_id)
    spec, _ = read_yaml(store.read_bytes(folder.key("spec.yaml")).decode(), spec_uri)
    return folder, spec


def _run_child(spec_uri: str, work: str, folder: JobFolder, canceled: threading.Event) -> int:
    """Run the pipeline in a process of its own, and keep what it prints as `log.txt` of the run."""
    command = [sys.executable, "-m", "zenml.entrypoint", "execute", "--spec", spec_uri, "--root", work]
    with tempfile.TemporaryFile() as log:
        child = subprocess.Popen(
            command, cwd=work, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

        def stop(_number: int, _frame: FrameType | None) -> None:
            canceled.set()
            child.terminate()

        before = signal.signal(signal.SIGTERM, stop)
        try:
            if child.stdout:
                _tee(child.stdout, log)
            exit_code = child.wait()
        finally:
            signal.signal(signal.SIGTERM, before)
        log.seek(0)
        folder.store.write_bytes(folder.key("log.txt"), log.read())
    return exit_code


def _tee(pipe: IO[bytes], log: IO[bytes]) -> None:
    for line in pipe:
        log.write(line)
        sys.stderr.buffer.write(line)
        sys.stderr.buffer.flush()


def _outcome(exit_code: int, canceled: bool) -> tuple[State, str]:
    if canceled:
        return State.CANCELED, "stopped by the user"
    if exit_code == 0:
        return State.COMPLETE, ""
    if exit_code < 0:
        name = signal.Signals(-exit_code).name
        return State.FAILED, f"the pipeline's process was ended by {name}" + (
            " (out of memory?)" if name == "SIGKILL" else ""
        )
    return State.FAILED, f"the pipeline's process ended with exit code {exit_code}"


def _settle(folder: JobFolder, spec: PipelineSpec, state: State, reason: str) -> tuple[State, str]:
    """See that the run's end is recorded, also when its process could not do so itself; return the recorded end."""
    if spec.run.metadata_store is None:
        return state, reason
    metadata: MetadataStore = MetadataStore.from_config(spec.run.metadata_store.model_dump())
    run = metadata.get_run(folder.run_id)
    if run is None:
        metadata.start_run(RunRecord(folder.run_id, spec.name, "", this_owner(), State.RUNNING))
    elif run.state.ended:
        return run.state, run.error or ("" if run.state is State.COMPLETE else reason)
    metadata.end_run(folder.run_id, state=state if state is not State.COMPLETE else State.FAILED, error=reason)
    return state, reason


def execute_job(spec_uri: str, root: Path) -> int:
    """Run the pipeline of a staged job in this process, with the unpacked code at `root`."""
    from zenml.backends.launch import Launch
    from zenml.runtime.console import Console
    from zenml.runtime.executor import execute
    from zenml.runtime.graph import build_graph
    from zenml.runtime.source_roots import use_source_roots

    folder, spec = open_job(spec_uri)
    use_source_roots(root, spec.environment.source_roots)
    graph = build_graph(spec)
    if spec.run.metadata_store is None:
        raise ZenMLError("the staged spec names no metadata store", spec_uri)
    metadata: MetadataStore = MetadataStore.from_config(spec.run.metadata_store.model_dump())
    job = json.loads(folder.store.read_bytes(folder.key("job.json")))
    launch = Launch(
        folder.run_id,
        graph.spec,
        metadata,
        folder.store,
        root,
        Console(),
        lambda parallel_steps: execute(launch, graph, parallel_steps),
        facts=job["facts"],
        resume=job["resume"],
    )
    state = launch.run_here(1)
    return 0 if state is State.COMPLETE else 1
