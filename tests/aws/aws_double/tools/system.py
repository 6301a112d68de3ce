"""Stands for `dnf`, `systemctl` and `shutdown` on a machine."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

machine = Path(os.environ["DOUBLE_MACHINE"])
name, arguments = Path(sys.argv[0]).stem, sys.argv[1:]
with (machine / "calls").open("a") as calls:
    print(name, *arguments, file=calls)
if name == "shutdown":
    if arguments[1] == "now":
        (machine / "off").touch()
    else:
        (machine / "scheduled").write_text(arguments[1])
elif name == "dnf":
    package = arguments[-1]
    if arguments[:-1] != ["install", "-y", "-q"] or not (machine / "packages" / package).exists():
        sys.exit(f"Error: Unable to find a match: {package}")
    for file in (machine / "packages" / package).iterdir():
        shutil.copy(file, machine / "bin" / file.name)
elif name == "systemctl" and arguments == ["start", "docker"]:
    (machine / "docker-runs").touch()
