"""The executor: runs a graph's steps, and records how the run ended."""

from __future__ import annotations

import shutil

from zenml.backends.launch import Launch
from zenml.errors import StoreError
from zenml.metadata.liveness import is_alive, this_owner
from zenml.metadata.records import RunRecord, State, StepRecord
from zenml.runtime.canceling import CanceledError, PreemptedError, stop_on_sigterm
from zenml.runtime.engines import clean_up_engines, engines_fact, remote_engines
from zenml.runtime.environment import environment_bytes, environment_digest, keep_environment
from zenml.runtime.graph import Graph
from zenml.runtime.heart import beating
from zenml.runtime.hooks import call_hook
from zenml.runtime.resuming import Before, look_back
from zenml.runtime.scheduling import run_steps
from zenml.runtime.step_run import StepFailedError
from zenml.runtime.worker_pool import POOL
from zenml.spec.yaml_format import write_yaml


def execute(launch: Launch, graph: Graph, parallel_steps: int = 1) -> State:
    """Run a launch's graph to its end and return the state in which it ended; the reason of a failure is in the store.

    Args:
        launch: the run.
        graph: its graph.
        parallel_steps: how many steps that do not depend on one another may run side by side.

    Raises:
        StoreError: the metadata store could not be read or written.
        ConfigError: the run is to be resumed, and cannot be; it stays as it was.
        KeyboardInterrupt: the user pressed Ctrl-C; the run is recorded as CANCELED first.
    """
    clear_lost_runs(launch)
    spec = launch.spec
    steps = tuple(StepRecord(node.id, node.spec.type) for node in graph.nodes)
    installed = environment_bytes()
    engines = remote_engines(node.backend for node in graph.nodes)
    facts = {**launch.facts, "environment": environment_digest(installed), **engines_fact(engines)}
    record = RunRecord(
        launch.run_id,
        spec.name,
        launch.recorded_spec or write_yaml(spec),
        this_owner(),
        State.RUNNING,
        facts=facts,
        steps=steps,
    )
    before = Before()
    if launch.resume:
        before = look_back(launch, graph)
        launch.metadata.resume_run(record)
    else:
        launch.metadata.start_run(record)
    state, why = State.FAILED, ""
    interrupted: BaseException | None = None
    try:
        with stop_on_sigterm(), beating(launch):
            _keep(launch, installed)
            run_steps(launch, graph, before, parallel_steps)
        state = State.COMPLETE
    except StepFailedError as failure:
        why = str(failure)
    except PreemptedError as stop:
        state, why, interrupted = State.LOST, "stopped by its supervisor; it can go on", stop
    except (KeyboardInterrupt, CanceledError) as stop:
        state, why, interrupted = State.CANCELED, "stopped by the user", stop
    finally:
        POOL.close(kill=interrupted is not None)
        if not isinstance(interrupted, PreemptedError):
            clean_up_engines(graph.nodes, launch)
        shutil.rmtree(launch.scratch, ignore_errors=True)
        launch.metadata.end_run(launch.run_id, state=state, error=why)
    call_hook("zenml_run_finished", launch.report, run=launch.run_id, pipeline=spec.name, state=str(state))
    if isinstance(interrupted, KeyboardInterrupt):
        raise interrupted
    return state


def _keep(launch: Launch, installed: bytes) -> None:
    try:
        keep_environment(launch.store, installed)
    except StoreError as error:
        raise StepFailedError(error.problems) from error


def clear_lost_runs(launch: Launch) -> None:
    """Write down the runs whose process is gone, and remove what they had not published."""
    for run_id in launch.metadata.end_lost_runs(is_alive):
        run = launch.metadata.get_run(run_id)
        for step in run.steps if run else ():
            if step.attempt and not step.outputs:
                launch.store.discard_attempt(step.fingerprint, step.attempt)
        shutil.rmtree(launch.root / ".zenml" / "tmp" / run_id, ignore_errors=True)
        launch.report.warn(f"Run {run_id} is LOST: its process ended without a word")
