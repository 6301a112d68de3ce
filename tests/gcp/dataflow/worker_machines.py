"""The machines of the Dataflow double: each job runs on Beam's own runner in a process of its own, in an empty folder.

One process imports Beam and other large libraries, and is forked for each job, so that no job pays for that; nothing of
ZenML is in it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

_PROGRAM = """
import json, os, signal, sys, traceback
import apache_beam, gcsfs, google.auth, numpy
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
signal.signal(signal.SIGCHLD, signal.SIG_IGN)

def work(told):
    os.setsid()
    os.chdir(told["folder"])
    out = os.open("output", os.O_CREAT | os.O_WRONLY, 0o600)
    os.dup2(out, 1)
    os.dup2(out, 2)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(told["environment"])
    status = "1"
    try:
        proto = beam_runner_api_pb2.Pipeline.FromString(open(told["pipeline"], "rb").read())
        for environment in proto.components.environments.values():
            environment.urn, environment.payload = "beam:env:embedded_python:v1", b""
        state = FnApiRunner().run_via_runner_api(proto, PipelineOptions([])).wait_until_finish()
        status = "0" if state in (None, "DONE") else state
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    with open("ended.partial", "w") as file:
        file.write(status)
    os.rename("ended.partial", "ended")
    os._exit(0)

for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        work(json.loads(line))
    print(pid, flush=True)
os._exit(0)
"""
_PASSED_ON = ("PATH", "LANG", "COVERAGE_PROCESS_START")


class WorkerMachine:
    """One job's workers.

    Args:
        pid: of the process, which leads its group.
        folder: its folder.
    """

    def __init__(self, pid: int, folder: Path) -> None:
        self.pid, self.folder = pid, folder

    @property
    def ended(self) -> bool:
        """Whether the process is gone."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        return False

    @property
    def succeeded(self) -> bool:
        """Whether the pipeline came to its end."""
        status = self.folder / "ended"
        return status.is_file() and status.read_text() == "0"

    @property
    def lost(self) -> bool:
        """Whether it is gone without having come to an end."""
        return self.ended and not (self.folder / "ended").is_file()

    @property
    def output(self) -> str:
        """What it printed."""
        path = self.folder / "output"
        return path.read_text(errors="replace") if path.is_file() else ""

    def kill(self) -> None:
        """End it at once, and all that it started."""
        for kill in (os.killpg, os.kill):  # before it leads its group, it is alone
            try:
                kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


class WorkerMachines:
    """Starts workers; a context manager."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={name: os.environ[name] for name in _PASSED_ON if name in os.environ} | {"HOME": "/nonexistent"},
        )

    def start(self, pipeline: Path, folder: Path, environment: Mapping[str, str]) -> WorkerMachine:
        """Run a pipeline with these variables and no others, in an empty folder."""
        (folder / "tmp").mkdir(parents=True)
        passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        own = {"HOME": str(folder), "TMPDIR": str(folder / "tmp"), "ZENML_ARTIFACT_CACHE": str(folder / "cache")}
        told = {"pipeline": str(pipeline), "folder": str(folder), "environment": {**passed, **own, **environment}}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()
        return WorkerMachine(int(self._process.stdout.readline()), folder)

    def close(self) -> None:
        """End the process."""
        with self._process:
            self._process.kill()
