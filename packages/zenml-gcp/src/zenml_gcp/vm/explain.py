"""How a run stands, by what Compute Engine tells of its machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zenml.metadata.records import State
from zenml.runtime.remote import JobStatus
from zenml_gcp.vm.operation import is_by_google, operation_problem, time_of, words_of

_BEGINNING = {
    "PENDING": "its machine waits for capacity",
    "PROVISIONING": "its machine is being made",
    "STAGING": "its machine is being started",
}
_ENDED = ("TERMINATED", "STOPPED", "SUSPENDED")
_STAGES = {
    "image": "its image could not be pulled",
    "secrets": "its secrets could not be read: has the machine's service account the role Secret Manager Secret "
    "Accessor?",
    "proxy": "the Cloud SQL Auth Proxy did not start",
    "gpu": "the driver of its GPU could not be installed",
}
_OWN = ".gserviceaccount.com"
"""How the addresses of service accounts end."""

_GO_ON = "Go on: zenml run resume RUN"

Body = Mapping[str, Any]


def is_stopped(instance: Body) -> bool:
    """Tell whether a machine is there, and does not run."""
    return instance.get("status") in _ENDED


def state_of(instance: Body) -> State:
    """Return how a run stands by the state of its machine alone."""
    status = str(instance.get("status", ""))
    if status in _BEGINNING or is_stopped(instance):
        return State.PENDING
    return State.RUNNING


def of_present(instance: Body, link: str) -> JobStatus:
    """Return how a run stands whose machine is there, and is not stopped."""
    status = str(instance.get("status", ""))
    if status in _BEGINNING:
        return JobStatus(State.PENDING, _BEGINNING[status], link)
    if status == "RUNNING":
        return JobStatus(State.RUNNING, "", link)
    words = {"REPAIRING": "its machine is being repaired by Google"}.get(status, "its machine is ending")
    return JobStatus(State.RUNNING, words, link)


def of_noted(note: str, machine: str, link: str) -> JobStatus | None:
    """Return why a run could not begin, as its machine noted; None where it noted nothing.

    Args:
        note: what it wrote.
        machine: id of the run's latest machine, where it is known: an earlier one may have written the note.
        link: a page about it.
    """
    first, _, said = note.partition("\n")
    writer, _, stage = first.partition(" ")
    if not stage or (machine and writer != machine):
        return None
    told = " ".join(said.split())[-600:]
    if stage.startswith("run"):
        code = stage.partition(" ")[2]
        printed = f", and printed at last: {told}" if told else ", and printed nothing"
        return JobStatus(State.FAILED, f"its container ended with exit code {code}{printed}", link)
    return JobStatus(State.FAILED, f"{_STAGES.get(stage, stage)}: {told or 'nothing was said why'}", link)


def of_absent(operations: Sequence[Body], deadline: int | None, link: str) -> JobStatus:
    """Return how a run ended whose machine is gone, or does not run and is not to be started again.

    Args:
        operations: what was done to the machine, newest first.
        deadline: seconds that the machine might run.
        link: a page about it.
    """
    for operation in operations:
        problem = operation_problem(operation, "its machine")
        if problem and operation.get("operationType") in ("insert", "start"):
            return JobStatus(State.FAILED, str(problem), link)
        if words_of(operation):
            break
    took = next((words_of(operation) for operation in operations if words_of(operation)), "")
    if deadline and _is_over(operations, deadline):
        return JobStatus(State.FAILED, f"the deadline has passed: its machine might run for {deadline} s", link)
    if took.startswith("was preempted"):
        return JobStatus(State.FAILED, f"its machine {took}, and is gone. {_GO_ON}", link)
    if took.startswith("was deleted by") and took.endswith(_OWN):
        what = f"its machine {took}, most likely itself, before the run's supervisor could write a word to the store"
        return JobStatus(State.FAILED, f"{what}. May its service account read and write there? See its log", link)
    if took:
        return JobStatus(State.LOST, f"its machine {took} before the run ended. {_GO_ON}", link)
    return JobStatus(State.LOST, f"its machine is gone: somebody deleted it before the run ended. {_GO_ON}", link)


def _is_over(operations: Sequence[Body], deadline: int) -> bool:
    """Tell whether a machine was ended by Google when its time was up."""
    began = [time_of(each) for each in operations if each.get("operationType") in ("insert", "start")]
    ended = [time_of(each) for each in operations if words_of(each) and is_by_google(each)]
    return bool(began and ended and max(ended) - max(began) >= deadline)
