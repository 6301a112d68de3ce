from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from zenml.metadata import SQLiteMetadataStore, liveness
from zenml.metadata.liveness import is_stopped, this_owner
from zenml.metadata.records import State
from zenml.runtime.heart import beating
from zenml.testing.recorded_runs import a_run

PATIENCE = 120.0
HOLD = 50_000


def going_on(folder: Path) -> tuple[SQLiteMetadataStore, Any]:
    store = SQLiteMetadataStore(path=str(folder / "metadata.db"))
    run = replace(a_run(1), owner=this_owner())
    store.start_run(run)
    return store, SimpleNamespace(run_id=run.id, metadata=store)


def last_beat(store: SQLiteMetadataStore, run: str) -> float:
    found = store.get_run(run)
    assert found is not None
    assert found.beat is not None
    return found.beat


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline


def test_the_heart_of_a_process_that_holds_the_interpreter_beats_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(liveness, "BEAT_SECONDS", 0.05)
    held = ctypes.PyDLL(None)  # its calls keep the interpreter to themselves, as some trainers do
    store, launch = going_on(tmp_path)
    first = last_beat(store, launch.run_id)
    with beating(launch):
        deadline = time.monotonic() + PATIENCE
        while last_beat(store, launch.run_id) == first:
            assert time.monotonic() < deadline
            held.usleep(HOLD)


OWNER = """
import sys
from pathlib import Path
from zenml.metadata import liveness
from zenml.runtime.heart import beating
sys.path.insert(0, sys.argv[2])
from test_heart import going_on
liveness.BEAT_SECONDS = 0.05
store, launch = going_on(Path(sys.argv[1]))
with beating(launch):
    print(launch.run_id, flush=True)
    sys.stdin.read()
"""


ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, which only Linux has")


@ON_LINUX
def test_a_suspended_owner_gives_no_sign_and_a_killed_one_takes_its_heart_along(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OWNER, str(tmp_path), str(Path(__file__).parent)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        run = owner.stdout.readline().strip()
        store = SQLiteMetadataStore(path=str(tmp_path / "metadata.db"))
        first = last_beat(store, run)
        until(lambda: last_beat(store, run) > first)
        (heart,) = (int(pid) for pid in children(owner.pid))
        os.kill(owner.pid, signal.SIGSTOP)
        until(lambda: is_stopped(owner.pid))
        silent = [last_beat(store, run)]
        until(lambda: sampled(silent, store, run))
        os.kill(owner.pid, signal.SIGKILL)
        until(lambda: not Path(f"/proc/{heart}").exists() or "Z" in Path(f"/proc/{heart}/stat").read_text())


def sampled(beats: list[float], store: SQLiteMetadataStore, run: str) -> bool:
    """Look again, each time long enough for several beats; say whether the last two looks are equal."""
    time.sleep(0.5)
    beats.append(last_beat(store, run))
    return beats[-1] == beats[-2]


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


@ON_LINUX
def test_a_heart_ends_when_its_run_is_another_process_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "BEAT_SECONDS", 0.05)
    store, launch = going_on(tmp_path)
    other = SQLiteMetadataStore(path=store.path)
    other.end_run(launch.run_id, state=State.LOST)
    with beating(launch):
        (heart,) = children(os.getpid())[-1:]
        until(lambda: "Z" in Path(f"/proc/{heart}/stat").read_text().rpartition(")")[2].split()[:1])
