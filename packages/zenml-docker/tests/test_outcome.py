"""What the engine tells of a container is told in words, with what to do."""

from __future__ import annotations

from typing import Any

import pytest

from zenml.metadata.records import State
from zenml_docker.outcome import outcome, was_preempted


def container(status: str, code: int = 0, *, memory: int = 0, **state: Any) -> dict[str, Any]:
    return {
        "Name": "/zenml-r1",
        "State": {"Status": status, "ExitCode": code, "OOMKilled": False, "Error": "", **state},
        "Config": {"Image": "team/image:1", "Entrypoint": ["python"]},
        "HostConfig": {"Memory": memory},
    }


@pytest.mark.parametrize(
    ("found", "state", "told"),
    [
        (container("created"), State.PENDING, "not yet started"),
        (container("running"), State.RUNNING, ""),
        (container("restarting"), State.RUNNING, ""),
        (container("paused"), State.RUNNING, "docker unpause zenml-r1"),
        (container("exited", 0), State.COMPLETE, ""),
        (container("exited", 3), State.CANCELED, "stopped by the user"),
        (container("exited", 126), State.FAILED, "the image team/image:1 cannot run python"),
        (container("exited", 127), State.FAILED, "the image team/image:1 cannot run python"),
        (container("exited", 137), State.FAILED, "was killed from outside"),
        (container("dead", 137), State.FAILED, "was killed from outside"),
        (container("exited", 137, OOMKilled=True), State.FAILED, "the machine had no more"),
        (container("exited", 1, OOMKilled=True, memory=512 << 20), State.FAILED, "may use 512 MiB"),
        (container("exited", 1, OOMKilled=True, memory=512 << 20), State.FAILED, "memory='1024m'"),
        (None, State.LOST, "somebody removed it"),
    ],
)
def test_every_state_of_a_container_is_told(found: dict[str, Any] | None, state: State, told: str) -> None:
    status = outcome(found)
    assert status.state is state
    assert told in status.reason
    assert bool(told) == bool(status.reason)


def test_an_end_that_nothing_explains_shows_what_was_printed_last() -> None:
    found = container("exited", 1)
    assert outcome(found, lambda: "ModuleNotFoundError: No module named 'zenml'").reason == (
        "its container ended with exit code 1, and printed at last: ModuleNotFoundError: No module named 'zenml'"
    )
    assert outcome(found).reason.endswith("and printed nothing")


def test_what_was_printed_is_not_asked_for_without_need() -> None:
    def asked() -> str:
        raise AssertionError

    for code in (0, 3, 126, 127, 137):
        outcome(container("exited", code), asked)


def test_a_container_that_could_not_be_started_says_why() -> None:
    said = 'could not select device driver "" with capabilities: [[gpu]]'
    status = outcome(container("created", 128, Error=said))
    assert (status.state, status.reason) == (
        State.FAILED,
        "the engine cannot give GPUs to containers. Install the NVIDIA Container Toolkit",
    )


def test_a_container_that_was_stopped_by_others_is_to_go_on() -> None:
    assert was_preempted(container("exited", 75))
    assert not was_preempted(container("running"))
    assert not was_preempted(container("exited", 137))
