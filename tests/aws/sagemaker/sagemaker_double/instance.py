"""Instance: one of the instances of a training job, whose container is a fresh process in folders of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_KEPT = ("LANG", "LD_LIBRARY_PATH")
NOT_FOUND = 127


class Instance:
    """An instance.

    Args:
        folder: for all that it has.
        hosts: the names of the job's instances.
        number: of this one among them.
        instance_type: its type.
        bare: whether its image has Python and nothing else.
    """

    def __init__(self, folder: Path, hosts: Sequence[str], number: int, instance_type: str, *, bare: bool) -> None:
        self.folder, self.host = folder, hosts[number]
        self.log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._not_started = False
        ml = folder / "ml"
        for name in ("input/config", "input/data", "model", "output/data", "checkpoints"):
            (ml / name).mkdir(parents=True)
        for name in ("bin", "home", "tmp", "work"):
            (folder / name).mkdir()
        config = {
            "current_host": self.host,
            "current_instance_type": instance_type,
            "current_group_name": "homogeneousCluster",
            "hosts": list(hosts),
            "instance_groups": [
                {"instance_group_name": "homogeneousCluster", "instance_type": instance_type, "hosts": list(hosts)}
            ],
            "network_interface_name": "lo",
        }
        (ml / "input/config/resourceconfig.json").write_text(json.dumps(config))
        (ml / "input/config/hyperparameters.json").write_text("{}")
        (ml / "input/config/inputdataconfig.json").write_text("{}")
        python = folder / "bin" / "python"
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" {"-I -S" if bare else ""} "$@"\n')
        python.chmod(0o755)
        self.log.touch()

    def start(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start its container."""
        own = {
            "PATH": f"{self.folder / 'bin'}:/usr/bin:/bin",
            "HOME": str(self.folder / "home"),
            "TMPDIR": str(self.folder / "tmp"),
            "SAGEMAKER_BASE_DIR": str(self.folder / "ml"),  # stands for /opt/ml, of which a machine has one
            "DOUBLE_INSTANCE": str(self.folder),
        }
        kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith("COVERAGE_")}
        with self.log.open("ab") as log:
            try:
                self._process = subprocess.Popen(
                    command,
                    cwd=self.folder / "work",
                    env={**kept, **own, **environment},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except FileNotFoundError:
                self._not_started = True
                log.write(f'exec: "{command[0]}": executable file not found in $PATH\n'.encode())

    @property
    def code(self) -> int | None:
        """The exit code of its container, as Docker tells it; None while that runs."""
        if self._not_started:
            return NOT_FOUND
        code = self._process.poll() if self._process else None
        return code if code is None or code >= 0 else 128 - code

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to its container, and all that it started."""
        if self._process and number == signal.SIGKILL:
            with contextlib.suppress(ProcessLookupError):  # all of its group have ended
                os.killpg(self._process.pid, number)
        elif self._process and self._process.poll() is None:
            os.kill(self._process.pid, number)

    def wait(self) -> None:
        """Wait for the end of its container."""
        if self._process:
            self._process.wait()

    @property
    def failure(self) -> str:
        """What the container left for the service to say."""
        path = self.folder / "ml" / "output" / "failure"
        return path.read_text()[:1024] if path.exists() else ""
