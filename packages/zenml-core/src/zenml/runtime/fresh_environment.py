"""Fresh environments: virtual environments with just what a run needs, made once for each set of requirements."""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from zenml.errors import ConfigError
from zenml.plugins.scan import CORE
from zenml.runtime.distributions import Distributions
from zenml.runtime.installing import last_lines, run_pip
from zenml.runtime.requirements import Requirements
from zenml.runtime.wheels import build_wheels


def fresh_environment(requirements: Requirements, cache: Path) -> Path:
    """Return the interpreter of a virtual environment that holds zenml-core and what a run needs, and nothing else.

    Versions are those that are installed here, but where the spec gives others; what is installed editable here is
    built and installed from its source.

    Args:
        requirements: what the run needs.
        cache: a folder that keeps environments and wheels; one process may make there what another one makes, too.

    Raises:
        ConfigError: something cannot be built or installed; the tool's last lines are in the message.
    """
    own = [CORE] if CORE in Distributions().editable else []
    wheels = build_wheels([*own, *requirements.travelling], cache / "wheels")
    named = [need.install for need in requirements.needs if not need.travels]
    wanted = sorted(named if own else [*named, f"{CORE}=={requirements.core}"])
    contents = [hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in wheels]
    key = "\n".join([platform.python_version(), sys.executable, *wanted, *contents])
    folder = cache / "environments" / hashlib.sha256(key.encode()).hexdigest()[:16]
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=".making-", dir=folder.parent))
        try:
            _make(made, [*wanted, *(f"{wheel}" for wheel in wheels)])
            made.rename(folder)
        except OSError:
            if not folder.is_dir():  # where it is, another process was quicker
                raise
        finally:
            shutil.rmtree(made, ignore_errors=True)
    return _interpreter(folder)


def _make(folder: Path, wanted: list[str]) -> None:
    command = [sys.executable, "-m", "venv", "--without-pip", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        raise ConfigError(f"no virtual environment could be made:\n{last_lines(done.stdout + done.stderr)}")
    run_pip([], wanted, str(folder), interpreter=_interpreter(folder))


def _interpreter(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
