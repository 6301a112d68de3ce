from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from zenml.metadata import liveness
from zenml.metadata.liveness import is_alive, seen, seen_state, this_owner
from zenml.metadata.records import Owner, RunRecord, State, StepRecord


def test_this_process_is_alive() -> None:
    owner = this_owner()
    assert owner.pid == os.getpid()
    assert is_alive(owner) is True


def test_a_process_id_that_was_given_to_another_process_is_not_taken_for_the_owner() -> None:
    assert is_alive(replace(this_owner(), started=1.0)) is False


def test_a_process_that_ended_is_gone_even_before_its_parent_asked_for_its_status() -> None:
    command = [sys.executable, "-c", "import sys; print('up', flush=True); sys.stdin.read()"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    started = liveness._start_time(child.pid)
    assert started is not None
    owner = Owner(this_owner().host, child.pid, started)
    assert is_alive(owner) is True
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert is_alive(owner) is False
    child.communicate()
    assert is_alive(owner) is False


@pytest.mark.parametrize(
    ("there", "answer"),
    [
        ("me/m1/boot1/ids1", False),  # the process is looked for, and is not there
        ("me/m1/boot0/ids1", False),  # the machine was started anew since
        ("other/m1/boot1/ids1", None),
        ("me/m2/boot0/ids1", None),  # another machine of the same name
        ("me/m1/boot1/ids2", None),  # another container on this machine
        ("me", None),
    ],
)
def test_only_what_can_be_told_from_here_is_told(
    monkeypatch: pytest.MonkeyPatch, there: str, answer: bool | None
) -> None:
    monkeypatch.setattr(liveness, "_host", lambda: "me/m1/boot1/ids1")
    assert is_alive(Owner(there, 2**22 + 1, 1.0)) is answer


def test_without_a_machine_id_a_new_boot_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "_host", lambda: "me//boot1/ids1")
    assert is_alive(Owner("me//boot0/ids1", 1, 1.0)) is None


def test_other_systems_ask_psutil(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(liveness, "_LINUX", False)
    liveness._host.cache_clear()
    try:
        owner = this_owner()
        assert owner.started > 1_000_000_000
        assert is_alive(owner) is True
        assert is_alive(replace(owner, pid=2**22 + 1)) is False
    finally:
        liveness._host.cache_clear()


def test_a_system_that_hides_its_ids_still_gives_a_host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(liveness, "_PROC", tmp_path)
    monkeypatch.setattr(liveness, "_line", lambda _: "")
    assert liveness._host.__wrapped__().endswith("///")


def test_a_file_that_is_not_there_is_an_empty_line(tmp_path: Path) -> None:
    assert liveness._line(str(tmp_path / "none")) == ""


def test_a_running_run_without_owner_is_seen_as_lost() -> None:
    steps = (StepRecord("a", "T", State.COMPLETE), StepRecord("b", "T", State.RUNNING), StepRecord("c", "T"))
    run = RunRecord("r1", "P", "", this_owner(), State.RUNNING, steps=steps)
    assert seen(run) is run
    assert seen_state(run) is State.RUNNING
    lost = seen(run, lambda _: False)
    assert lost.state is State.LOST
    assert [step.state for step in lost.steps] == [State.COMPLETE, State.LOST, State.PENDING]
    assert seen_state(run, lambda _: None) is State.RUNNING
    ended = replace(run, state=State.COMPLETE)
    assert seen(ended, lambda _: False) is ended
    assert seen(replace(run, state=State.LOST)).state is State.LOST
