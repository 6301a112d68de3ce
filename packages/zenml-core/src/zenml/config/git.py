"""What git says of a folder: commit and uncommitted changes."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class GitFacts:
    """The state of a work tree.

    Args:
        sha: the commit, or an empty string where there is none.
        dirty: whether tracked files differ from it or untracked ones are there.
        diff: SHA-256 of the difference of the tracked files; empty where there is none.
    """

    sha: str
    dirty: bool
    diff: str = ""


class GitQuery:
    """Asks git in the background, so that the answer costs no waiting; close it, or use it as a context."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        command = ["git", "-C", str(folder), "status", "--porcelain=v2", "--branch"]
        try:
            self._process: subprocess.Popen[str] | None = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
        except OSError:
            self._process = None

    def facts(self) -> GitFacts | None:
        """Return the answer, or None where the folder is in no work tree or git is not installed."""
        process, self._process = self._process, None
        if process is None:
            return None
        out, _ = process.communicate()
        if process.returncode:
            return None
        sha, dirty, changed = "", False, False
        for line in out.splitlines():
            if line.startswith("# branch.oid "):
                sha = line.removeprefix("# branch.oid ").replace("(initial)", "")
            elif not line.startswith("#"):
                dirty = True
                changed |= not line.startswith("?")
        return GitFacts(sha, dirty, self._diff() if changed and sha else "")

    def _diff(self) -> str:
        command = ["git", "-C", str(self._folder), "diff", "--no-ext-diff", "--no-textconv", "--binary", "HEAD"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        return "" if done.returncode else hashlib.sha256(done.stdout).hexdigest()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for git where nobody asked for the answer."""
        if self._process is not None:
            self._process.communicate()
