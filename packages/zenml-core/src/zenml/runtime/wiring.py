"""Wiring: which output feeds which input, by artifact type."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from zenml.artifacts.types import Artifact, fits
from zenml.errors import Problem, closest
from zenml.steps.base import Step

Sources = dict[str, str]
"""Input name to `STEP.OUTPUT`."""


def wire(
    steps: Sequence[tuple[str, Step]], given: Mapping[str, Mapping[str, str]], unloaded: Collection[str] = ()
) -> tuple[dict[str, Sources], list[Problem]]:
    """Find the source of every input.

    An input that is not given is wired to the producer of its type, among the steps before it, that comes last in the
    data flow. Producers of which neither depends on the other are candidates alike: more than one is a problem.

    Args:
        steps: (id, step) in order.
        given: sources that the user chose, by step id.
        unloaded: ids of steps that have problems of their own; inputs that they may feed are left open.

    Returns:
        Sources by step id (of the inputs that could be wired), and every problem found.
    """
    problems: list[Problem] = []
    sources: dict[str, Sources] = {}
    ancestors: dict[str, set[str]] = {}
    known = dict(steps)
    for number, (step_id, step) in enumerate(steps):
        chosen = dict(given.get(step_id, {}))
        wired: Sources = {}
        for name in chosen.keys() - step.inputs.keys():
            mend = closest(name, step.inputs) or f"Its inputs: {', '.join(step.inputs) or 'none'}"
            problems.append(Problem(f"{type(step).__name__} has no input {name!r}", step_id, mend))
        for name, wanted in step.inputs.items():
            if name in chosen and chosen[name].partition(".")[0] in unloaded:
                continue
            if name in chosen:
                problem = _check_given(step_id, name, wanted, chosen[name], known)
                found = None if problem else chosen[name]
            else:
                found, problem = _find(step_id, name, wanted, steps[:number], ancestors)
            if problem and not (unloaded and name not in chosen):
                problems.append(problem)
            if found:
                wired[name] = found
        sources[step_id] = wired
        parents = {source.partition(".")[0] for source in wired.values()}
        ancestors[step_id] = parents.union(*(ancestors.get(parent, set()) for parent in parents))
    return sources, problems


def sort_by_flow(ids: Iterable[str], sources: Mapping[str, Sources]) -> tuple[list[str], list[Problem]]:
    """Return the ids so that every step comes after those that feed it, otherwise in the given order."""
    waiting = list(ids)
    done: list[str] = []
    while waiting:
        ready = next(
            (
                step_id
                for step_id in waiting
                if all(source.partition(".")[0] in done for source in sources.get(step_id, {}).values())
            ),
            None,
        )
        if ready is None:
            return done, [Problem(f"these steps wait for each other: {', '.join(waiting)}")]
        waiting.remove(ready)
        done.append(ready)
    return done, []


def _check_given(
    step_id: str, name: str, wanted: type[Artifact], source: str, known: Mapping[str, Step]
) -> Problem | None:
    where = f"{step_id}.inputs.{name}"
    producer, _, output = source.partition(".")
    if producer not in known:
        return Problem(f"there is no step {producer!r}", where, closest(producer, known))
    outputs = known[producer].outputs
    if output not in outputs:
        mend = closest(output, outputs) or f"Its outputs: {', '.join(outputs) or 'none'}"
        return Problem(f"step {producer!r} has no output {output!r}", where, mend)
    if not fits(outputs[output], wanted):
        return Problem(f"takes {wanted.__name__}, but {source} is {outputs[output].__name__}", where)
    return None


def _find(
    step_id: str,
    name: str,
    wanted: type[Artifact],
    before: Sequence[tuple[str, Step]],
    ancestors: Mapping[str, set[str]],
) -> tuple[str | None, Problem | None]:
    candidates = [
        (producer, f"{producer}.{output}")
        for producer, step in before
        for output, gives in step.outputs.items()
        if fits(gives, wanted)
    ]
    last = [
        source
        for producer, source in candidates
        if not any(producer in ancestors.get(other, ()) for other, _ in candidates)
    ]
    if len(last) == 1:
        return last[0], None
    where = f"{step_id}.inputs.{name}"
    if last:
        return None, Problem(
            f"several steps could feed it with {wanted.__name__}: {', '.join(last)}", where, "Name one in inputs"
        )
    return None, Problem(
        f"no step before it gives {wanted.__name__}", where, f"Add a step that does, before {step_id!r}"
    )
