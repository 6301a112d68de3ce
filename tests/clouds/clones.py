"""A user's clone of a repository, with a home of its own, in which commands run as that user would run them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parent / "shared_project"
_MINUTES = 180
_SHARED = ("PATH", "LANG", "LC_ALL", "PYTHONPATH", "SYSTEMROOT")
"""Variables of this process that any user of the machine has."""


def git(folder: Path, *words: str) -> None:
    """Run git, with nobody's settings."""
    user = ("-c", "user.name=n", "-c", "user.email=n@example.com")
    nobody = {"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    subprocess.run(["git", "-C", str(folder), *user, *words], check=True, capture_output=True, env=nobody)


def make_origin(folder: Path, data: Path) -> Path:
    """Make a git repository with a pipeline, its own step, and its data."""
    shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "data").mkdir()
    shutil.copy(data, folder / "data" / "diabetes.csv")
    (folder / ".gitignore").write_text("__pycache__/\n")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "Begin")
    return folder


class Clone:
    """A clone, and the user who works in it.

    Args:
        origin: what is cloned.
        home: a new home.
        place: where the clone is in it.
        variables: what the user's environment holds besides.
    """

    def __init__(self, origin: Path, home: Path, place: str, **variables: str) -> None:
        self.home, self.folder = home, home / place
        (home / "tmp").mkdir(parents=True)
        git(home, "clone", "-q", str(origin), str(self.folder))
        self.said = ""
        self.environment = {
            **{name: os.environ[name] for name in _SHARED if name in os.environ},
            "HOME": str(home),
            "XDG_CACHE_HOME": str(home / ".cache"),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "XDG_DATA_HOME": str(home / ".local/share"),
            "TMPDIR": str(home / "tmp"),
            "AWS_EC2_METADATA_DISABLED": "true",
            **variables,
        }

    def zenml(self, *words: str, stdin: str = "", code: int = 0, **variables: str) -> str:
        """Run a command to its end; return what it printed, of a command that shall fail what it complained."""
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "zenml.cli.main", *words],
            cwd=self.folder,
            env={**self.environment, **variables},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=_MINUTES,
        )
        self.said += done.stdout + done.stderr
        print(f"{time.monotonic() - began:5.1f} s  zenml {' '.join(words)}\n{done.stderr}")
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stderr if code else done.stdout

    def json(self, *words: str, **variables: str) -> Any:
        """Run a command that answers as JSON."""
        return json.loads(self.zenml(*words, "--json", **variables))

    def python(self, program: str) -> Any:
        """Run a program that prints JSON as its last line."""
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=_MINUTES,
        )
        self.said += done.stdout + done.stderr
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def start(self, *words: str, **variables: str) -> subprocess.Popen[bytes]:
        """Begin a command."""
        return subprocess.Popen(
            [sys.executable, "-m", "zenml.cli.main", *words],
            cwd=self.folder,
            env={**self.environment, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def files_with(self, text: str) -> Iterator[Path]:
        """Give the files of the home, and so of the clone, that hold a text."""
        for path in self.home.rglob("*"):
            if path.is_file() and text.encode() in path.read_bytes():
                yield path
