"""LocalTransport: an artifact store in a folder of this machine."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from zenml.artifacts.hashing import in_threads, sha256_of
from zenml.artifacts.manifest import NAME as MANIFEST
from zenml.artifacts.manifest import Manifest
from zenml.artifacts.transport import Transport

_TRIES = 10


class LocalTransport(Transport):
    """Keeps files below a folder; what a step writes is already in its place, and becomes lasting by `commit`.

    Args:
        root: the folder, absolute; it is made when something is written.
    """

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self._root = Path(root)

    def key(self, uri: str) -> str | None:
        """Return the key of what is at a path or `file:` URL."""
        return super().key(uri.removeprefix("file://"))

    def check(self) -> None:
        """Make the folder, and a file in it for a moment."""
        self._make(self._root)
        with tempfile.TemporaryFile(dir=self._root):
            pass

    def new_folder(self, key: str) -> Path:
        """Make the folder itself."""
        folder = self._root / key
        for _ in range(_TRIES):
            self._make(folder.parent)
            with contextlib.suppress(FileNotFoundError):  # another process removed the parent, which was empty
                folder.mkdir()
                try:
                    sync_folder(folder.parent)
                except OSError:
                    self.remove(key)
                    raise
                return folder
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(folder.parent))

    def commit(self, key: str, folder: Path, names: Sequence[str]) -> None:
        """Write the files and the folders between them through to the disk."""
        in_threads(_sync_file, [folder / name for name in names])
        between = {parent for name in names for parent in Path(name).parents} - {Path()}
        for inner in sorted(between, reverse=True):
            sync_folder(folder / inner)

    def settle(self, key: str, folder: Path, manifest: Manifest) -> None:
        """Leave the folder where it is: that is its place."""

    def fetch(self, key: str, manifest: Manifest) -> Path:
        """Return the folder itself."""
        return self._root / key

    def digests(self, key: str, names: Sequence[str]) -> list[str]:
        """Read the files."""
        return sha256_of([self._root / key / name for name in names])

    def write(self, key: str, data: bytes) -> None:
        """Write beside the place, then rename."""
        path = self._root / key
        self._make(path.parent)
        partial = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.partial")
        try:
            with partial.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
            sync_folder(path.parent)
        except BaseException:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
            raise

    def read(self, key: str) -> bytes:
        """Read the file."""
        return (self._root / key).read_bytes()

    def sizes(self, key: str) -> dict[str, int]:
        """Walk the folder; partial files of processes that died are passed over."""
        return {name: entry.st_size for name, entry in sorted(walk(self._root / key)) if not is_partial(name)}

    def touched(self, key: str) -> frozenset[str]:
        """Compare times: publishing writes the manifest last."""
        times = {name: state.st_mtime_ns for name, state in walk(self._root / key)}
        return frozenset(name for name, time in times.items() if time > times.get(MANIFEST, time))

    def folders(self, key: str) -> list[str]:
        """List the folder."""
        try:
            with os.scandir(self._root / key) as entries:
                return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
        except FileNotFoundError:
            return []

    def exists(self, key: str) -> bool:
        """Look at the file."""
        return (self._root / key).is_file()

    def modified(self, key: str) -> float | None:
        """Look at the file."""
        try:
            return (self._root / key).stat().st_mtime
        except FileNotFoundError:
            return None

    def remove(self, key: str) -> None:
        """Remove the file or the folder, then the folders above it that are left empty."""
        path = self._root / key
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        except FileNotFoundError:
            return
        with contextlib.suppress(OSError):  # not empty, or used by another process just now
            for parent in path.parents:
                if parent == self._root:
                    break
                parent.rmdir()

    def _make(self, folder: Path) -> None:
        """Make a folder and what is missing above it, each written through to the disk."""
        missing = []
        while not folder.is_dir():
            missing.append(folder)
            folder = folder.parent
        for path in reversed(missing):
            with contextlib.suppress(FileExistsError):
                path.mkdir()
            sync_folder(path.parent)


def walk(folder: Path, prefix: str = "") -> Iterator[tuple[str, os.stat_result]]:
    """Give the name (relative, with `/`) and the state of everything below a folder but folders; links not followed."""
    try:
        entries = os.scandir(folder)
    except FileNotFoundError:
        return
    with entries:
        for entry in entries:
            try:
                state = entry.stat(follow_symlinks=False)
            except FileNotFoundError:  # another process has removed or renamed it meanwhile
                continue
            if stat.S_ISDIR(state.st_mode):
                yield from walk(Path(entry.path), f"{prefix}{entry.name}/")
            else:
                yield prefix + entry.name, state


def is_partial(name: str) -> bool:
    """Say whether a file is one that a process was still writing when it died."""
    base = name.rpartition("/")[2]
    return base.startswith(".") and base.endswith(".partial")


def sync_folder(folder: Path) -> None:
    """Write a folder's list of names through to the disk, where the system can."""
    if os.name == "nt":  # pragma: no cover - folders cannot be opened there
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some file systems cannot sync folders
            raise
    finally:
        os.close(descriptor)


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
