"""The code package: the user's files as one archive that is the same whenever and wherever it is built."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from zenml.errors import ConfigError, ZenMLError

SIZE_CAP = 100 << 20
"""Bytes of files that a package may hold."""

_NEVER = {".git", ".zenml", "__pycache__", ".venv"}
_IGNORE_FILE = ".zenmlignore"


@dataclass(frozen=True)
class Package:
    """A built package.

    Args:
        data: the gzipped tar archive.
        files: the names in it, relative to the repository root, sorted.
    """

    data: bytes
    files: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of the archive, in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()


def build_package(root: Path, source_roots: Sequence[str], leave_out: Iterable[Path] = ()) -> Package:
    """Pack the files under the source roots of a repository.

    In are files that git tracks and untracked ones that it does not ignore; out are those that `.zenmlignore` names
    (in git's syntax), `.git`, `.env*`, `.zenml`, links, and `leave_out`.

    Raises:
        ConfigError: the files are larger than the cap; the largest are listed.
    """
    spared = {path.resolve() for path in leave_out}
    names = [name for name in list_files(root, source_roots) if (root / name).resolve() not in spared]
    sizes = {name: (root / name).stat().st_size for name in names}
    if sum(sizes.values()) > SIZE_CAP:
        largest = sorted(sizes, key=lambda name: -sizes[name])[:5]
        listed = ", ".join(f"{name} ({sizes[name] >> 20} MiB)" for name in largest)
        raise ConfigError(
            f"the code package would hold {sum(sizes.values()) >> 20} MiB, more than {SIZE_CAP >> 20}",
            str(root),
            f"Name what the code does not need in {_IGNORE_FILE}. Largest: {listed}",
        )
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0, filename="") as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name in names:
            data = (root / name).read_bytes()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            info.mode = 0o755 if os.access(root / name, os.X_OK) else 0o644
            archive.addfile(info, io.BytesIO(data))
    return Package(buffer.getvalue(), tuple(names))


def unpack(data: bytes, digest: str, folder: Path) -> None:
    """Unpack a package after checking its digest; no file leaves `folder`.

    Raises:
        ZenMLError: the archive is not the one that was built.
    """
    if hashlib.sha256(data).hexdigest() != digest:
        raise ZenMLError("the code package was changed after it was built: its digest differs")
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
        archive.extractall(folder, filter="data")  # the filter refuses paths and links that lead out


def list_files(root: Path, source_roots: Sequence[str]) -> list[str]:
    """Return the names of the files that belong into the package, sorted."""
    found: set[str] = set()
    excluded = (
        set(_git(root, ["--cached", "--others", "--ignored", f"--exclude-from={_IGNORE_FILE}"]))
        if (root / _IGNORE_FILE).is_file()
        else set()
    )
    for folder in source_roots:
        if (root / folder).is_dir():
            found.update(_git(root, ["--cached", "--others", "--exclude-standard", "--", folder]))
    return sorted(name for name in found - excluded if _belongs(root, name))


def _belongs(root: Path, name: str) -> bool:
    parts = name.split("/")
    if _NEVER.intersection(parts) or parts[-1].startswith(".env"):
        return False
    path = root / name
    return path.is_file() and not path.is_symlink() and path.resolve().is_relative_to(root.resolve())


def _git(root: Path, options: list[str]) -> list[str]:
    """List files with git; a folder outside any work tree is read through an empty repository made for that."""
    command = ["git", "-c", "core.quotePath=false", "ls-files", "-z", *options]
    inside = subprocess.run(
        ["git", "rev-parse", "--is-inside-work-tree"], cwd=root, capture_output=True, text=True, check=False
    )
    if inside.stdout.strip() == "true":
        out = subprocess.run(command, cwd=root, capture_output=True, check=True).stdout
    else:
        with tempfile.TemporaryDirectory() as empty:
            environment = {**os.environ, "GIT_DIR": f"{empty}/git", "GIT_WORK_TREE": str(root)}
            subprocess.run(["git", "init", "--quiet"], env=environment, cwd=root, capture_output=True, check=True)
            out = subprocess.run(command, cwd=root, env=environment, capture_output=True, check=True).stdout
    return [name for name in out.decode("utf-8", "surrogateescape").split("\0") if name]
