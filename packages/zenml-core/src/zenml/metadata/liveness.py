"""Liveness: which process owns a run, and whether that process is still there."""

from __future__ import annotations

import os
import platform
import socket
import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

from zenml.metadata.records import Owner, RunRecord, State

BEAT_SECONDS = 10.0
"""How often the owner of a run says that it is alive."""

MISSED_BEATS = 5
"""After how many beats that did not come a run is LOST, where its process cannot be looked for."""

_PROC = Path("/proc")
_LINUX = platform.system() == "Linux"


def this_owner() -> Owner:
    """Return this process as the owner of what it runs."""
    return owner(os.getpid())


def owner(pid: int) -> Owner:
    """Return a process of this machine as the owner of what it runs."""
    return Owner(host=_host(), pid=pid, started=_start_time(pid) or 0.0)


def is_alive(owner: Owner) -> bool | None:
    """Say whether a run's owner is still running; None when that cannot be told from here.

    It can be told on the machine of the owner only, and within the same set of process ids (as in one container); a
    machine that was started anew since has none of its old processes.
    """
    here, there = _host().split("/"), owner.host.split("/")
    if here == there:
        return _start_time(owner.pid) == owner.started
    name_and_machine = slice(0, 2)
    rebooted = len(here) == len(there) and here[name_and_machine] == there[name_and_machine] and here[2] != there[2]
    return False if rebooted and all(here) else None


def is_lost(run: RunRecord, is_alive: Callable[[Owner], bool | None] = is_alive) -> bool:
    """Say whether a run is recorded as RUNNING, but its owner is gone.

    That is told by its process where it can be looked for from here, else by its heartbeat, where it has one.
    """
    if run.state is not State.RUNNING:
        return False
    alive = is_alive(run.owner)
    if alive is None:
        return run.silent is not None and run.silent > MISSED_BEATS * BEAT_SECONDS
    return not alive


def seen_state(run: RunRecord, is_alive: Callable[[Owner], bool | None] = is_alive) -> State:
    """Return the state of a run to show: LOST when it is recorded as RUNNING, but its owner is gone."""
    return State.LOST if is_lost(run, is_alive) else run.state


def seen(run: RunRecord, is_alive: Callable[[Owner], bool | None] = is_alive) -> RunRecord:
    """Return a run as it is to be shown: where it is LOST, so are its RUNNING steps."""
    if run.state is State.LOST or seen_state(run, is_alive) is not State.LOST:
        return run
    steps = tuple(replace(step, state=State.LOST) if step.state is State.RUNNING else step for step in run.steps)
    return replace(run, state=State.LOST, steps=steps)


@cache
def _host() -> str:
    """Return `name/machine/boot/process ids`: all equal where a process id means the same process."""
    name = socket.gethostname().replace("/", "_")
    if _LINUX:
        machine = _line("/etc/machine-id") or _line("/var/lib/dbus/machine-id")
        boot = _line("/proc/sys/kernel/random/boot_id")
        try:
            ids = str((_PROC / "self/ns/pid").readlink())
        except OSError:
            ids = ""
        return f"{name}/{machine}/{boot}/{ids}"
    return f"{name}/{uuid.getnode():x}//"  # start times are absolute here, so that a boot need not be told apart


def _line(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii").strip().replace("/", "_")
    except (OSError, ValueError):
        return ""


def is_stopped(pid: int) -> bool:
    """Say whether a process is suspended, as by SIGSTOP; only Linux tells."""
    return _LINUX and _stat(pid)[:1] in (["T"], ["t"])


def _stat(pid: int) -> list[str]:
    """Return the fields of Linux's `stat` of a process from its state on; none where there is no such process."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return stat.rpartition(")")[2].split()  # the name before ")" may hold anything


def _start_time(pid: int) -> float | None:
    """Return when a process began, or None when there is no such process, or only its exit status is left.

    On Linux in seconds since the boot, as the kernel keeps it: a time since the epoch would move whenever the clock is
    set. Elsewhere in seconds since the epoch, as the kernel keeps it there.
    """
    if _LINUX:
        fields = _stat(pid)
        return None if not fields or fields[0] in "ZX" else int(fields[19]) / os.sysconf("SC_CLK_TCK")
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except (psutil.NoSuchProcess, psutil.AccessDenied):  # denied: another user's process has that id now
        return None
