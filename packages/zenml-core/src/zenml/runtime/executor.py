"""The executor: runs a graph's steps in this process, records each, publishes what they give, skips what is cached."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from zenml.artifacts.handles import NewArtifact, StoredArtifact
from zenml.artifacts.store import ArtifactStore
from zenml.backends.interfaces import ProcessingBackend, TrainingBackend
from zenml.data.shards import RunJob, ShardJob, State, fold_order
from zenml.datasources.base import Datasource
from zenml.errors import Problem, StoreError, ZenMLError
from zenml.metadata.liveness import is_alive, this_owner
from zenml.metadata.records import ArtifactRecord, RunRecord, StepRecord
from zenml.metadata.records import State as RunState
from zenml.metadata.store import MetadataStore
from zenml.runtime.fingerprint import Fingerprint, canonical_json, fingerprint
from zenml.runtime.graph import Graph, Node
from zenml.runtime.hooks import call_hook
from zenml.runtime.processing_base import ProcessingBaseBackend
from zenml.runtime.training_base import TrainingBaseBackend
from zenml.runtime.worker_pool import POOL
from zenml.spec.yaml_format import write_yaml
from zenml.steps.base import Reporter, StepContext


@dataclass(frozen=True)
class Launch:
    """What it takes to run a graph.

    Args:
        run_id: the run's id.
        graph: the checked pipeline.
        metadata: where it is recorded.
        store: where artifacts are published.
        root: the repository root; relative paths of datasources start here.
        report: messages and progress.
        facts: facts of the run to record (git SHA, Python version, …).
    """

    run_id: str
    graph: Graph
    metadata: MetadataStore
    store: ArtifactStore
    root: Path
    report: Reporter
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def roots(self) -> list[Path]:
        """Absolute folders of the user's modules."""
        return [self.root / folder for folder in self.graph.spec.environment.source_roots]

    @property
    def scratch(self) -> Path:
        """Folder for files that nobody needs after the run."""
        return self.root / ".zenml" / "tmp" / self.run_id


class CanceledError(BaseException):
    """The run was asked to stop, by Ctrl-C or SIGTERM."""


def execute(launch: Launch) -> RunState:
    """Run a graph to its end and return the state in which it ended; the reason of a failure is in the store.

    Raises:
        StoreError: the metadata store could not be read or written.
        KeyboardInterrupt: the user pressed Ctrl-C; the run is recorded as CANCELED first.
    """
    clear_lost_runs(launch)
    spec = launch.graph.spec
    steps = tuple(StepRecord(node.id, node.spec.type) for node in launch.graph.nodes)
    launch.metadata.start_run(
        RunRecord(
            launch.run_id, spec.name, write_yaml(spec), this_owner(), RunState.RUNNING, facts=launch.facts, steps=steps
        )
    )
    state, why = RunState.FAILED, ""
    interrupted: BaseException | None = None
    try:
        with _stop_on_sigterm():
            published: dict[str, dict[str, ArtifactRecord]] = {}
            for node in launch.graph.nodes:
                published[node.id] = _StepRun(launch, node, published).go()
        state = RunState.COMPLETE
    except StepFailedError as failure:
        why = str(failure)
    except (KeyboardInterrupt, CanceledError) as stop:
        state, why, interrupted = RunState.CANCELED, "stopped by the user", stop
    finally:
        POOL.close(kill=interrupted is not None)
        shutil.rmtree(launch.scratch, ignore_errors=True)
        launch.metadata.end_run(launch.run_id, state=state, error=why)
    call_hook("zenml_run_finished", launch.report, run=launch.run_id, pipeline=spec.name, state=str(state))
    if isinstance(interrupted, KeyboardInterrupt):
        raise interrupted
    return state


def clear_lost_runs(launch: Launch) -> None:
    """Write down the runs whose process is gone, and remove what they had not published."""
    for run_id in launch.metadata.end_lost_runs(is_alive):
        run = launch.metadata.get_run(run_id)
        for step in run.steps if run else ():
            if step.attempt and not step.outputs:
                launch.store.discard_attempt(step.fingerprint, step.attempt)
        shutil.rmtree(launch.root / ".zenml" / "tmp" / run_id, ignore_errors=True)
        launch.report.warn(f"Run {run_id} is LOST: its process ended without a word; now recorded as FAILED")


class StepFailedError(ZenMLError):
    """A step failed; it is recorded."""


@dataclass
class _StepRun:
    """One attempt at one step."""

    launch: Launch
    node: Node
    published: Mapping[str, Mapping[str, ArtifactRecord]]

    def go(self) -> dict[str, ArtifactRecord]:
        """Serve the step from the cache or run it; return its outputs by name."""
        launch, node = self.launch, self.node
        call_hook("zenml_before_step", launch.report, run=launch.run_id, step=node.id)
        state = RunState.FAILED
        attempt = f"{launch.run_id}-1"
        try:
            outputs, state = self._serve_or_run(attempt)
        except (KeyboardInterrupt, CanceledError):
            state = RunState.CANCELED
            launch.metadata.end_step(launch.run_id, node.id, state=state, attempt=attempt, error="stopped by the user")
            raise
        except Exception as error:
            why = _explain(error)
            launch.metadata.end_step(
                launch.run_id, node.id, state=state, attempt=attempt, error="\n".join(str(row) for row in why)
            )
            if not isinstance(error, ZenMLError):
                launch.report.log(traceback.format_exc())
            raise StepFailedError([_in_step(problem, node.id) for problem in why]) from error
        finally:
            call_hook("zenml_after_step", launch.report, run=launch.run_id, step=node.id, state=str(state))
        return {record.name: record for record in outputs}

    def _serve_or_run(self, attempt: str) -> tuple[tuple[ArtifactRecord, ...], RunState]:
        launch, node = self.launch, self.node
        sources = {name: source.partition(".") for name, source in node.sources.items()}
        inputs = {name: self.published[producer][output] for name, (producer, _, output) in sources.items()}
        pinned, print_ = self._fingerprint(inputs)
        events = [ArtifactRecord(name, row.type, row.uri, row.digest, row.id) for name, row in inputs.items()]
        facts = {"fingerprint_parts": canonical_json(print_.parts).decode(), "host": this_owner().host}

        cached = self._cached(print_) if print_.servable else None
        if cached is not None:
            launch.report.log(f"{node.id:<14} cached")
            rows = launch.metadata.publish_step(
                launch.run_id, node.id, state=RunState.CACHED, attempt="", fingerprint=print_.digest, inputs=events,
                outputs=cached.outputs, metrics=cached.metrics, facts=facts,
            )
            return rows, RunState.CACHED

        launch.report.log(f"{node.id:<14} running")
        launch.metadata.start_step(
            launch.run_id, node.id, attempt=attempt, fingerprint=print_.digest, inputs=events, facts=facts
        )
        if pinned is not None:
            made, metrics = {"examples": pinned}, {}
        else:
            made, metrics = self._run(attempt, print_, inputs)
        outputs = [ArtifactRecord(name, row.type, row.uri, row.digest) for name, row in made.items()]
        rows = launch.metadata.publish_step(
            launch.run_id, node.id, state=RunState.COMPLETE, attempt=attempt, fingerprint=print_.digest, inputs=events,
            outputs=outputs, metrics=metrics, facts=facts,
        )
        return rows, RunState.COMPLETE

    def _fingerprint(self, inputs: Mapping[str, ArtifactRecord]) -> tuple[StoredArtifact | None, Fingerprint]:
        """Return the artifact that the step is pinned to, if any, and the step's fingerprint."""
        launch, step = self.launch, self.node.step
        pinned: StoredArtifact | None = None
        source: str | None = None
        if isinstance(step, Datasource):
            if step.snapshot:
                pinned = launch.store.open_snapshot(step.snapshot)
                source = str(pinned.properties["source_identity"])
            else:
                source = step.resolve(launch.root).identity(launch.root / ".zenml" / "sources.json")
        digests = {name: row.digest for name, row in inputs.items()}
        return pinned, fingerprint(self.node, launch.graph.spec.seed, digests, source, launch.roots)

    def _cached(self, print_: Fingerprint) -> StepRecord | None:
        """Return a past step whose outputs are still there, as they were published."""
        for past in self.launch.metadata.find_step(print_.digest):
            try:
                found = [self.launch.store.open(row.uri) for row in past.outputs]
            except StoreError:
                continue
            names = {row.name for row in past.outputs}
            if names == set(self.node.step.outputs) and all(
                artifact.digest == row.digest for artifact, row in zip(found, past.outputs, strict=True)
            ):
                return past
        return None

    def _run(
        self, attempt: str, print_: Fingerprint, inputs: Mapping[str, ArtifactRecord]
    ) -> tuple[dict[str, StoredArtifact], dict[str, float]]:
        launch, node = self.launch, self.node
        step = node.step.resolve(launch.root) if isinstance(node.step, Datasource) else node.step
        scratch = launch.scratch / node.id
        scratch.mkdir(parents=True, exist_ok=True)
        kinds = list(step.outputs.values())
        new: dict[str, NewArtifact] = {}
        try:
            for name, kind in step.outputs.items():
                own_attempt = attempt if kinds.count(kind) == 1 else f"{attempt}-{name}"
                new[name] = launch.store.new(kind, print_.digest, own_attempt)
            context = StepContext(
                inputs={name: launch.store.open(row.uri) for name, row in inputs.items()},
                outputs=new,
                seed=launch.graph.spec.seed,
                run_job=self._run_job(),
                scratch=scratch,
                report=launch.report,
            )
            backend = node.backend or TrainingBaseBackend()
            if isinstance(backend, TrainingBackend):
                backend.train(lambda: step.run(context))
            else:
                step.run(context)
            return {name: launch.store.publish(artifact) for name, artifact in new.items()}, context.metrics
        except BaseException:
            for artifact in new.values():
                launch.store.discard(artifact)
            raise
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _run_job(self) -> RunJob:
        backend = self.node.backend if isinstance(self.node.backend, ProcessingBackend) else ProcessingBaseBackend()
        here = ProcessingBaseBackend(workers=1)
        report, step_id = self.launch.report, self.node.id

        def run_job(job: ShardJob) -> list[State]:
            engine = backend
            if job.op.startswith("__main__:") and backend != here:
                report.warn(
                    f"{job.op.partition(':')[2]} lives in the launched script or a notebook, so step {step_id} works in "
                    "this process with one worker; move it into a module to use workers"
                )
                engine = here
            with report.progress(f"{step_id}: {job.label or job.op}", len(job.shards)) as advance:
                return fold_order(job, _counted(engine, job, advance))

        return run_job


def _counted(engine: ProcessingBackend, job: ShardJob, advance: object) -> Iterator[bytes]:
    for message in engine.map(job):
        yield message
        if callable(advance):
            advance()


def _explain(error: Exception) -> tuple[Problem, ...]:
    """Return what to tell of an error: a ZenMLError's own problems, or the type and place of any other."""
    if isinstance(error, ZenMLError):
        return error.problems
    if isinstance(error, OSError):
        reason = os.strerror(error.errno) if error.errno else str(error)
        return (Problem(reason, str(error.filename or "")),)
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return (Problem(f"{type(error).__name__}: {error}", where),)


def _in_step(problem: Problem, step_id: str) -> Problem:
    where = f"step {step_id}: {problem.where}" if problem.where else f"step {step_id}"
    return Problem(problem.what, where, problem.mend)


@contextmanager
def _stop_on_sigterm() -> Iterator[None]:
    """Turn SIGTERM into CanceledError while the context is open; only the main thread can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise CanceledError

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
