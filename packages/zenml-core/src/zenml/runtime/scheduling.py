"""Scheduling: in which order a graph's steps run, and which of them side by side."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from zenml.backends.launch import Launch
from zenml.errors import Problem, StoreError
from zenml.metadata.records import ArtifactRecord, State
from zenml.runtime.graph import Graph, Node
from zenml.runtime.resuming import Before
from zenml.runtime.step_process import start_step
from zenml.runtime.step_run import StepFailedError, StepRun

_LOOK_SECONDS = 0.02
_LAST_SECONDS = 30.0
"""How long a step that is asked to stop may take to record that."""


def run_steps(launch: Launch, graph: Graph, before: Before, parallel_steps: int) -> None:
    """Run the steps of a graph that do not count already.

    Raises:
        StepFailedError: steps failed; those beside them were let come to their ends, and no other began.
    """
    schedule = _Schedule(launch, graph, before, dict(before.published))
    for step in before.published:
        launch.report.log(f"{step:<14} done before")
    try:
        schedule.run(parallel_steps)
    finally:
        schedule.stop()


@dataclass
class _Schedule:
    launch: Launch
    graph: Graph
    before: Before
    published: dict[str, Mapping[str, ArtifactRecord]]
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _failures: list[Problem] = field(default_factory=list)

    def run(self, parallel_steps: int) -> None:
        """Run all steps."""
        while not self._failures:
            waiting = [node for node in self._ready() if node.id not in self._running]
            if not waiting and not self._running:
                return
            alone = not self._running and (len(waiting) == 1 or parallel_steps == 1)
            for node in waiting[: parallel_steps - len(self._running)]:
                if alone or self._needs_this_process(node):
                    self._run_here(node)
                    break
                self._begin(node)
            else:
                self._look()
        while self._running:
            self._look()
        raise StepFailedError(self._failures)

    def stop(self) -> None:
        """Ask the processes that are left to stop, and wait until they have."""
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            try:
                process.wait(_LAST_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            _close(process)
        self._running.clear()

    def _ready(self) -> list[Node]:
        """Return the steps that have not ended and whose inputs are there, up to the next gate, those that run too."""
        found = []
        for node in self.graph.nodes:
            if node.id in self.published:
                continue
            if all(source.partition(".")[0] in self.published for source in node.sources.values()):
                found.append(node)
            if node.step.is_gate:
                break
        return found

    def _step_run(self, node: Node) -> StepRun:
        return StepRun(self.launch, node, self.published, self.before.attempts.get(node.id, 0) + 1)

    def _needs_this_process(self, node: Node) -> bool:
        """Say whether a step's class can be used here alone, or the step comes from the cache, which costs nothing."""
        if node.id in self.launch.live_steps:
            return True
        run = self._step_run(node)
        _, print_ = run.fingerprint(run.inputs())
        return print_.servable and self.launch.spec.may_serve(node.spec) and run.cached(print_) is not None

    def _run_here(self, node: Node) -> None:
        try:
            self.published[node.id] = self._step_run(node).go()
        except StepFailedError as failure:
            self._failures += failure.problems

    def _begin(self, node: Node) -> None:
        self.launch.report.log(f"{node.id:<14} running in a process of its own")
        self._running[node.id] = start_step(self.launch, node.id, self.before.attempts.get(node.id, 0) + 1)

    def _look(self) -> None:
        """Wait until a process has ended, or a moment, and take over what it published."""
        ended = {step: process for step, process in self._running.items() if process.poll() is not None}
        if not ended:
            time.sleep(_LOOK_SECONDS)
            return
        record = self.launch.metadata.get_run(self.launch.run_id)
        if record is None:
            raise StoreError(f"run {self.launch.run_id} is gone")
        recorded = {step.id: step for step in record.steps}
        for step, process in ended.items():
            del self._running[step]
            _close(process)
            row = recorded[step]
            if row.state in (State.COMPLETE, State.CACHED):
                self.published[step] = {output.name: output for output in row.outputs}
                self.launch.report.log(f"{step:<14} complete")
            else:
                reason = row.error or f"its process ended with exit code {process.returncode}"
                if not row.state.ended:
                    self.launch.metadata.end_step(
                        record.id, step, state=State.FAILED, attempt=row.attempt, error=reason
                    )
                self._failures += [Problem(line, f"step {step}") for line in reason.splitlines()]


def _close(process: subprocess.Popen[bytes]) -> None:
    if process.stdin:
        process.stdin.close()
