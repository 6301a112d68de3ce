"""Trees: the files of commits, unpacked below `.zenml/trees/`, on which pinned steps run.

Git's own work tree is never touched. A tree is made once and shared by all steps and runs; `zenml clean` removes it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from zenml.data.shards import atomic_file
from zenml.errors import SpecError

_HASH_LENGTHS = (40, 64)


@dataclass(frozen=True)
class Tree:
    """The files of a commit.

    Args:
        commit: its full hash.
        path: the folder with the files.
        root: the folder in it that stands for the repository root, which may lie below git's top.
    """

    commit: str
    path: Path
    root: Path

    def source_roots(self, root: Path, folders: Iterable[str]) -> list[Path]:
        """Return the source roots in this tree, those that are there; one outside of git's top stays where it is.

        Args:
            root: the repository root.
            folders: the source roots as a spec names them.
        """
        here = root.resolve()
        found = []
        for folder in folders:
            place = (here / folder).resolve()
            there = Path(os.path.normpath(self.root / os.path.relpath(place, here)))
            found.append(there if there.is_relative_to(self.path) else place)
        return [folder for folder in dict.fromkeys(found) if folder.is_dir()]

    def counterparts(self, files: Iterable[Path], root: Path) -> list[Path]:
        """Return the files of this tree that have the places of files of the working tree.

        Args:
            files: absolute paths; those outside of the repository root have none.
            root: the repository root.
        """
        here = root.resolve()
        places = [file.resolve() for file in files]
        return [self.root / place.relative_to(here) for place in places if place.is_relative_to(here)]


class Trees:
    """The trees of a repository.

    Args:
        root: the repository root.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / ".zenml" / "trees"

    def resolve(self, commit: str) -> str:
        """Return the full hash of a commit; git is not asked for one whose tree is there.

        Raises:
            SpecError: there is no such commit, or several; or the repository root is in no git repository.
        """
        if len(commit) in _HASH_LENGTHS and self._place(commit).is_file():
            return commit
        self._top()
        listed = self._git("rev-parse", f"--disambiguate={commit}").stdout.decode().split()
        kinds = self._git("cat-file", "--batch-check=%(objecttype) %(objectname)", given="\n".join(listed))
        rows = [line.split() for line in kinds.stdout.decode().splitlines()]
        commits = sorted(row[1] for row in rows if row[0] == "commit")
        if len(commits) == 1:
            return commits[0]
        if commits:
            what = f"{len(commits)} commits begin with {commit}: {', '.join(name[:16] for name in commits)}"
            raise SpecError(what, mend="Write more of its digits")
        if rows:
            raise SpecError(f"{commit} is a {rows[0][0]}, not a commit", mend="git log --oneline lists the commits")
        shallow = self._git("rev-parse", "--is-shallow-repository").stdout.strip() == b"true"
        mend = "This clone is shallow. Fetch the rest: git fetch --unshallow" if shallow else "Fetch it: git fetch"
        raise SpecError(f"there is no commit {commit} in this repository", mend=mend)

    def open(self, commit: str) -> Tree:
        """Return the tree of a commit, given by its full hash; it is made where it is not there.

        Raises:
            SpecError: git cannot give it, or it cannot be written.
        """
        folder, place = self.folder / commit, self._place(commit)
        if not (folder.is_dir() and place.is_file()):
            try:
                self._unpack(commit, folder)
            except OSError as error:
                what = f"cannot unpack commit {commit[:12]}: {error.strerror or error}"
                raise SpecError(what, str(error.filename or self.folder)) from None
        return Tree(commit, folder, folder / json.loads(place.read_bytes())["root"])

    def receive(self, commit: str, unpack: Callable[[Path], object]) -> None:
        """Take a tree that was packed elsewhere, in which the repository root is the top.

        Args:
            commit: its commit, by the full hash.
            unpack: writes the files into the folder that it is given.
        """
        unpack(self.folder / commit)
        with atomic_file(self._place(commit)) as file:
            file.write(b'{"root": "."}')

    def notes(self, commit: str) -> Path:
        """Return the folder for what is found out about the steps of a commit."""
        return self.folder / f"{commit}.steps"

    def _place(self, commit: str) -> Path:
        """Return the file that says where in a tree the repository root is."""
        return self.folder / f"{commit}.json"

    def _unpack(self, commit: str, folder: Path) -> None:
        top = self._top()
        with atomic_file(self.folder / ".gitignore") as file:  # as nothing in here belongs to the work tree
            file.write(b"*\n")
        with atomic_file(self._place(commit)) as file:
            file.write(json.dumps({"root": self.root.resolve().relative_to(top).as_posix()}).encode())
        partial = Path(tempfile.mkdtemp(prefix=f".{commit[:12]}-", dir=self.folder))
        try:
            with tempfile.TemporaryFile() as archive:
                command = ["git", "-C", str(top), "archive", "--format=tar", commit]
                done = subprocess.run(
                    command, stdin=subprocess.DEVNULL, stdout=archive, stderr=subprocess.PIPE, check=False
                )
                if done.returncode:
                    what = f"git cannot give the files of commit {commit[:12]}: {_last_line(done.stderr)}"
                    raise SpecError(what, mend="Fetch them: git fetch")
                archive.seek(0)
                with tarfile.open(fileobj=archive, mode="r:") as files:
                    files.extractall(partial, filter=_inside)  # noqa: S202 - which keeps everything inside
            try:
                partial.rename(folder)
            except OSError:
                if not folder.is_dir():  # else another process was faster
                    raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _top(self) -> Path:
        done = self._git("rev-parse", "--show-toplevel")
        if done.returncode:
            what = "a step is pinned to a commit, and the repository root is not in the work tree of a git repository"
            raise SpecError(f"{what} ({_last_line(done.stderr)})", str(self.root))
        return Path(os.fsdecode(done.stdout.rstrip(b"\n"))).resolve()

    def _git(self, *words: str, given: str = "") -> subprocess.CompletedProcess[bytes]:
        command = ["git", "-C", str(self.root), *words]
        try:
            return subprocess.run(command, input=given.encode(), capture_output=True, check=False)
        except OSError as error:
            what = f"a step is pinned to a commit, and git cannot be run: {error.strerror}"
            raise SpecError(what, mend="Install git") from None


def _inside(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo | None:
    """Return a member as it may be unpacked: not to be written to; a link that leads out of the tree is left out.

    So is `.gitignore`, by which a package would leave out files that the commit has.
    """
    if member.name.rpartition("/")[2] == ".gitignore":
        return None
    try:
        safe = tarfile.data_filter(member, folder)
    except (tarfile.AbsoluteLinkError, tarfile.LinkOutsideDestinationError):
        return None
    return safe.replace(mode=(safe.mode or 0o644) & ~0o222, deep=False) if safe.isfile() else safe


def _last_line(text: bytes) -> str:
    lines = text.decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else "it gave no reason"
