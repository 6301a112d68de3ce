"""Reproducing: what differs between a recorded run and running its spec now, before and after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from zenml.backends.launch import Launch
from zenml.metadata.records import RunRecord
from zenml.runtime.console import print_table
from zenml.runtime.environment import environment, read_environment
from zenml.runtime.graph import Graph
from zenml.runtime.run import Run
from zenml.runtime.step_run import StepRun
from zenml.spec.changes import changes

_FACTS = {
    "git_sha": "git commit",
    "git_dirty": "uncommitted changes",
    "git_diff": "digest of these changes",
    "root": "repository folder",
    "artifact_store": "artifact store",
    "zenml": "ZenML",
    "backend": "orchestrator",
}
"""Facts of a run that are compared, and what to call them."""


@dataclass(frozen=True)
class Difference:
    """One thing that was not then as it is now; empty where it was not there."""

    what: str
    then: str
    now: str


@dataclass(frozen=True)
class Reproduction:
    """A recorded run, run again.

    Args:
        original: the recorded run.
        differences: what differs between then and now.
        run: the new run; None where only the differences were asked for.
        outputs: for each output, as STEP.OUTPUT, whether it has the content that it had then.
    """

    original: Run
    differences: tuple[Difference, ...]
    run: Run | None
    outputs: Mapping[str, bool]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return {
            "original": self.original.id,
            "run": self.run.id if self.run else None,
            "differences": [asdict(row) for row in self.differences],
            "outputs": dict(self.outputs),
        }

    def print(self) -> None:
        """Print what differs, and whether the outputs are the same."""
        rows = [(row.what, row.then or "none", row.now or "none") for row in self.differences]
        if rows:
            print_table(("What", "Then", "Now"), rows, title=f"Since run {self.original.id}")
        if self.outputs:
            print_table(
                ("Output", "Content"),
                [(name, "the same" if same else "DIFFERENT") for name, same in self.outputs.items()],
                title="Outputs",
            )


def find_differences(launch: Launch, graph: Graph, original: Run) -> list[Difference]:
    """Return what differs between a recorded run and running its spec now.

    Args:
        launch: of the spec, as it would be run.
        graph: the same.
        original: the recorded run.
    """
    record = original.record
    facts = {**record.facts}
    found = [
        Difference(name, facts.get(key, ""), launch.facts.get(key, ""))
        for key, name in _FACTS.items()
        if facts.get(key, "") != launch.facts.get(key, "")
    ]
    then = read_environment(original.store, facts.get("environment", ""))
    found += _environments(then, environment()) if then else []
    return found + _steps(launch, graph, record)


def _environments(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[Difference]:
    found = [
        Difference(name, then[key], now[key])
        for key, name in (("python", "Python"), ("platform", "platform"))
        if then[key] != now[key]
    ]
    old, new = then["distributions"], now["distributions"]
    names = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    return found + [Difference(name, old.get(name, ""), new.get(name, "")) for name in names]


def _steps(launch: Launch, graph: Graph, record: RunRecord) -> list[Difference]:
    """Compare the fingerprint of each step with what it was, given the inputs that it had."""
    recorded = {step.id: step for step in record.steps}
    found = []
    for node in graph.nodes:
        step = recorded.get(node.id)
        if step and step.fingerprint:
            inputs = {row.name: row for row in step.inputs}
            parts = StepRun(launch, node, {}).fingerprint(inputs)[1].parts
            found += [Difference(f"step {node.id}", "", what) for what in changes(step.fingerprint_parts, parts)]
    return found


def compare_outputs(original: Run, run: Run) -> dict[str, bool]:
    """Say for each output of a run whether another run gave the same content."""
    steps = {step.id: step for step in run.record.steps}
    return {
        f"{step.id}.{row.name}": any(
            (other.name, other.digest) == (row.name, row.digest) for other in steps[step.id].outputs
        )
        for step in original.record.steps
        if step.id in steps
        for row in step.outputs
    }
