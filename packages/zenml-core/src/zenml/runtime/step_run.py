"""StepRun: one step of a run, served from the cache or run, published and recorded."""

from __future__ import annotations

import os
import shutil
import time
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from zenml.artifacts.handles import NewArtifact, StoredArtifact
from zenml.artifacts.progress import show_transfers
from zenml.backends.interfaces import TrainingBackend
from zenml.backends.launch import Launch
from zenml.backends.placement import Placement
from zenml.data.identity import IdentityMemo
from zenml.datasources.base import Datasource
from zenml.errors import ConfigError, DataError, PluginError, Problem, QualityError, StoreError, ZenMLError
from zenml.metadata.liveness import this_owner
from zenml.metadata.records import ArtifactRecord, StepRecord
from zenml.metadata.records import State as RunState
from zenml.metadata.store import AttemptEnded
from zenml.runtime.canceling import CanceledError
from zenml.runtime.console import duration_text
from zenml.runtime.epoch_record import EpochRecord
from zenml.runtime.fingerprint import Fingerprint, canonical_json, fingerprint
from zenml.runtime.graph import Node
from zenml.runtime.hooks import call_hook
from zenml.runtime.job_runner import job_runner
from zenml.runtime.pinned_step import PinnedStep
from zenml.runtime.step_log import StepLog, kept_log, log_folder
from zenml.runtime.step_work import StepWork, working_on
from zenml.runtime.training_base import TrainingBaseBackend
from zenml.runtime.training_work import TrainingWork
from zenml.secrets import redact
from zenml.steps.base import Step, StepContext
from zenml.steps.trainer.checkpoints import Checkpoints
from zenml.steps.trainer.history import History

_PERMANENT = (ConfigError, DataError, PluginError, QualityError)
"""What fails in the same way however often it is tried."""


class StepFailedError(ZenMLError):
    """A step failed; it is recorded."""


class _RejectedError(QualityError):
    """What a step made is not good enough, and is published to be looked at."""

    def __init__(self, verdict: QualityError, outputs: Iterable[ArtifactRecord], metrics: Mapping[str, float]) -> None:
        super().__init__(verdict.problems)
        self.outputs = tuple(outputs)
        self.metrics = metrics


@dataclass
class StepRun:
    """One step of a run.

    Args:
        launch: the run.
        node: the step in its place.
        published: the outputs of the steps before it, by step id and output name.
        first_attempt: number of the first attempt; past 1 where the run is resumed.
    """

    launch: Launch
    node: Node
    published: Mapping[str, Mapping[str, ArtifactRecord]]
    first_attempt: int = 1
    _step: Step = field(init=False)

    def __post_init__(self) -> None:
        """Let the paths of a datasource count from the repository root."""
        step = self.node.step
        self._step = step.resolve(self.launch.root) if isinstance(step, Datasource) else step

    def go(self) -> dict[str, ArtifactRecord]:
        """Serve the step from the cache or run it, again where it fails and may; return its outputs by name.

        Raises:
            StepFailedError: the last attempt failed; it is recorded.
        """
        delays = self.node.spec.retry.delays()
        for number, delay in enumerate(delays):
            try:
                return self._try(self.first_attempt + number)
            except StepFailedError as failure:
                if isinstance(failure.__cause__, _PERMANENT):
                    raise
                reason = failure.problems[0].what
                self.launch.report.warn(
                    f"step {self.node.id} failed: {reason}; it is tried again in {duration_text(delay)} "
                    f"({number + 1} of {len(delays)})"
                )
                time.sleep(delay)
        return self._try(self.first_attempt + len(delays))

    def attempt(self, number: int) -> str:
        """Return the name of an attempt; that of no other step begins with it, whatever their ids."""
        return f"{self.launch.run_id}.{self.node.id}.{number}"

    def _try(self, number: int) -> dict[str, ArtifactRecord]:
        launch, node = self.launch, self.node
        state = RunState.FAILED
        attempt = self.attempt(number)
        try:
            outputs, state = self._serve_or_run(attempt)
        except (KeyboardInterrupt, CanceledError):
            state = RunState.CANCELED
            launch.metadata.end_step(launch.run_id, node.id, state=state, attempt=attempt, error="stopped by the user")
            raise
        except AttemptEnded:
            raise  # another process took this run over: nothing of this attempt may be recorded
        except (Exception, SystemExit) as error:
            why = _explain(error)
            launch.metadata.end_step(
                launch.run_id,
                node.id,
                state=state,
                attempt=attempt,
                error="\n".join(str(row) for row in why),
                outputs=error.outputs if isinstance(error, _RejectedError) else (),
                metrics=error.metrics if isinstance(error, _RejectedError) else None,
            )
            if not isinstance(error, ZenMLError):
                launch.report.log(traceback.format_exc())
            raise StepFailedError([in_step(problem, node.id) for problem in why]) from error
        finally:
            call_hook("zenml_after_step", launch.report, run=launch.run_id, step=node.id, state=str(state))
        return {record.name: record for record in outputs}

    def _serve_or_run(self, attempt: str) -> tuple[tuple[ArtifactRecord, ...], RunState]:
        launch, node = self.launch, self.node
        inputs = self.inputs()
        pinned, print_ = self.fingerprint(inputs)
        events = [ArtifactRecord(name, row.type, row.uri, row.digest, row.id) for name, row in inputs.items()]
        facts = {"fingerprint_parts": canonical_json(print_.parts).decode(), "host": this_owner().host}

        may_serve = print_.servable and launch.spec.may_serve(node.spec)
        cached = self.cached(print_) if may_serve else None
        if cached is not None:
            launch.report.log(f"{node.id:<14} cached")
            rows = launch.metadata.publish_step(
                launch.run_id,
                node.id,
                state=RunState.CACHED,
                attempt="",
                fingerprint=print_.digest,
                inputs=events,
                outputs=cached.outputs,
                metrics=cached.metrics,
                facts=facts,
            )
            return rows, RunState.CACHED

        call_hook("zenml_before_step", launch.report, run=launch.run_id, step=node.id)
        launch.report.log(f"{node.id:<14} running")
        began = time.monotonic()
        launch.metadata.start_step(
            launch.run_id, node.id, attempt=attempt, fingerprint=print_.digest, inputs=events, facts=facts
        )
        if pinned is not None:
            made, metrics = {"examples": pinned}, dict[str, float]()
        else:
            with show_transfers(launch.report.progress):
                made, metrics = self.make(attempt, print_, inputs)
        outputs = [ArtifactRecord(name, row.type, row.uri, row.digest) for name, row in made.items()]
        rows = launch.metadata.publish_step(
            launch.run_id,
            node.id,
            state=RunState.COMPLETE,
            attempt=attempt,
            fingerprint=print_.digest,
            inputs=events,
            outputs=outputs,
            metrics=metrics,
            facts=facts,
        )
        if "training" in self._step.BACKEND_KINDS:
            self._checkpoints(print_, History()).clear()
        launch.report.log(f"{node.id:<14} complete in {duration_text(time.monotonic() - began)}")
        return rows, RunState.COMPLETE

    def _checkpoints(self, print_: Fingerprint, history: History) -> Checkpoints:
        place = f"{self.launch.run_id}.{self.node.id}"
        return Checkpoints(self.launch.store, place, print_.digest, print_.parts, history)

    def inputs(self) -> dict[str, ArtifactRecord]:
        """Return what the step reads, by input name."""
        sources = {name: source.partition(".") for name, source in self.node.sources.items()}
        return {name: self.published[producer][output] for name, (producer, _, output) in sources.items()}

    def fingerprint(self, inputs: Mapping[str, ArtifactRecord]) -> tuple[StoredArtifact | None, Fingerprint]:
        """Return the artifact that the step is pinned to, if any, and the step's fingerprint."""
        launch, step = self.launch, self._step
        pinned: StoredArtifact | None = None
        source: str | None = None
        if isinstance(step, Datasource):
            if step.snapshot:
                pinned = launch.store.open_snapshot(step.snapshot)
                source = str(pinned.properties["source_identity"])
            else:
                source = step.identity(IdentityMemo(launch.root / ".zenml" / "sources.json"))
        digests = {name: row.digest for name, row in inputs.items()}
        return pinned, fingerprint(self.node, launch.spec.seed, digests, source, launch.source_roots)

    def cached(self, print_: Fingerprint) -> StepRecord | None:
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

    def make(
        self, attempt: str, print_: Fingerprint, inputs: Mapping[str, ArtifactRecord]
    ) -> tuple[dict[str, StoredArtifact], dict[str, float]]:
        """Run the step and publish what it gives; return that, by output name, and the metrics."""
        launch, node, step = self.launch, self.node, self._step
        scratch = launch.scratch / node.id
        scratch.mkdir(parents=True, exist_ok=True)
        kinds = list(step.outputs.values())
        new: dict[str, NewArtifact] = {}
        try:
            for name, kind in step.outputs.items():
                own_attempt = attempt if kinds.count(kind) == 1 else f"{attempt}-{name}"
                new[name] = launch.store.new(kind, print_.digest, own_attempt)
            epochs = EpochRecord(launch.metadata, launch.store, launch.run_id, node.id)
            backend = node.backend or TrainingBaseBackend()
            trains = isinstance(backend, TrainingBackend) and "training" in step.BACKEND_KINDS
            context = StepContext(
                inputs={name: launch.store.open(row.uri) for name, row in inputs.items()},
                outputs=new,
                seed=launch.spec.seed,
                run_job=job_runner(node.id, node.backend, launch.report),
                scratch=scratch,
                report=launch.report,
                checkpoints=self._checkpoints(print_, History(epochs)) if trains else None,
                placement=backend.placement() if isinstance(backend, TrainingBackend) else Placement(),
            )
            number = attempt.rpartition(".")[2]
            log = StepLog(launch.store, f"{log_folder(launch.run_id, node.id)}/{number:0>3}", redact)
            verdict: QualityError | None = None
            with kept_log(log), working_on(StepWork(launch.run_id, node.id, launch.spec, launch.root)):
                try:
                    if isinstance(backend, TrainingBackend) and not isinstance(step, PinnedStep):
                        backend.train(TrainingWork(node.id, step, context))
                    else:
                        step.run(context)
                except QualityError as error:
                    verdict = error
                except Exception as error:
                    if not isinstance(error, ZenMLError):
                        log.write(traceback.format_exc())
                    raise
                finally:
                    epochs.flush()
            made = {name: launch.store.publish(artifact) for name, artifact in new.items()}
        except BaseException:
            for artifact in new.values():
                launch.store.discard(artifact)
            raise
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        if verdict:
            rejected = [ArtifactRecord(name, row.type, row.uri, row.digest) for name, row in made.items()]
            raise _RejectedError(verdict, rejected, context.metrics) from verdict
        return made, context.metrics


def _explain(error: Exception | SystemExit) -> tuple[Problem, ...]:
    """Return what to tell of an error: a ZenMLError's own problems, or the type and place of any other."""
    if isinstance(error, ZenMLError):
        return error.problems
    if isinstance(error, OSError):
        reason = os.strerror(error.errno) if error.errno else str(error)
        return (Problem(reason, str(error.filename or "")),)
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return (Problem(f"{type(error).__name__}: {error}", where),)


def in_step(problem: Problem, step_id: str) -> Problem:
    """Return a problem with the step in which it is."""
    where = f"step {step_id}: {problem.where}" if problem.where else f"step {step_id}"
    return Problem(problem.what, where, problem.mend)
