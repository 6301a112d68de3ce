"""Whether this machine has the Java that Spark needs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from zenml.errors import Problem

OLDEST = 17
"""The oldest Java that Spark 4 runs on."""

_INSTALL = "On Debian and Ubuntu: apt-get install openjdk-17-jre-headless; or let JAVA_HOME name another Java"


def java_problem() -> Problem | None:
    """Return why Spark cannot start here, or None where a fit Java is found, as Spark looks for it."""
    home = os.environ.get("JAVA_HOME")
    found = str(Path(home, "bin", "java")) if home else shutil.which("java")
    try:
        if not found:
            raise FileNotFoundError
        done = subprocess.run([found, "-version"], capture_output=True, text=True, check=False)
    except OSError:
        missing = f"JAVA_HOME is {home}, where there is none" if home else "none was found"
        return Problem(f"Spark needs Java {OLDEST} or newer, and {missing}", mend=_INSTALL)
    said = re.search(r'version "(?:1\.)?(\d+)', done.stderr + done.stdout)
    if said and int(said[1]) < OLDEST:
        return Problem(f"Spark needs Java {OLDEST} or newer, and {found} is Java {said[1]}", mend=_INSTALL)
    return None
