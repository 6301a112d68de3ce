"""FsspecTransport: an artifact store behind a URL that fsspec, or one of the file systems made for it, can reach."""

from __future__ import annotations

import contextlib
import hashlib
import os
import posixpath
import shutil
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from zenml.artifacts.hashing import sha256
from zenml.artifacts.local import is_partial
from zenml.artifacts.manifest import File, Manifest
from zenml.artifacts.progress import transfer
from zenml.artifacts.publishing import refuse_changed
from zenml.artifacts.read_cache import ReadCache
from zenml.artifacts.retrying import retried
from zenml.artifacts.schemes import scheme_of
from zenml.artifacts.transport import Transport
from zenml.artifacts.trouble import UNREACHABLE
from zenml.artifacts.workspace import own_workspace
from zenml.errors import Problem, StoreError, ZenMLError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_RESULT = TypeVar("_RESULT")
_ITEM = TypeVar("_ITEM")


class FsspecTransport(Transport):
    """Keeps files behind a URL; a step writes into a local folder, and reads through the user's `ReadCache`.

    It works with any file system of fsspec. A subclass for a kind of object store says how to open it, and what its
    errors mean.

    Args:
        root: the URL.
        cache: where artifacts that were read are kept; by default the user's cache.
    """

    OBJECT_STORE: ClassVar[bool] = False
    """Whether a file appears whole, or not at all, when it is put there, and folders are no more than names."""

    TRIES: ClassVar[int] = 4
    """How often each operation is tried while its error may pass; 1 where the file system itself tries again."""

    THREADS: ClassVar[int] = 8
    """How many files are moved at the same time."""

    def __init__(self, root: str, cache: ReadCache | None = None) -> None:
        super().__init__(root)
        self._cache = cache or ReadCache()
        self._cache.check_limit()
        self._opened: AbstractFileSystem | None = None
        self._opening = threading.Lock()

    # What a subclass may override

    def open_filesystem(self) -> AbstractFileSystem:
        """Return the file system; what is at the root is looked at there, so that each mistake has its own message."""
        import fsspec

        filesystem, _ = fsspec.core.url_to_fs(self.root, use_listings_cache=False)
        return filesystem

    def is_transient(self, error: BaseException) -> bool:
        """Say whether an error may pass by itself."""
        return isinstance(error, (ConnectionError, TimeoutError)) and not isinstance(error, ConnectionRefusedError)

    def explain(self, error: Exception) -> Problem | None:
        """Return what an error of the file system means to the user, or None where it speaks for itself."""
        return None

    def put_file(self, filesystem: AbstractFileSystem, local: str, remote: str, callback: Any) -> None:
        """Put a local file at a path of the file system."""
        filesystem.put_file(local, remote, callback=callback)

    def put_bytes(self, filesystem: AbstractFileSystem, remote: str, data: bytes) -> None:
        """Put a small file at a path of the file system."""
        filesystem.pipe_file(remote, data)

    def get_file(self, filesystem: AbstractFileSystem, remote: str, local: str, callback: Any) -> None:
        """Write a file of the file system to a local path."""
        filesystem.get_file(remote, local, callback=callback)

    def drop_unfinished(self, filesystem: AbstractFileSystem, path: str) -> None:
        """Remove what `unfinished` tells of below a path."""

    # Transport

    def check(self) -> None:
        """Write a small file, read it and remove it."""
        key = f"checks/{token_hex(8)}"
        self.write(key, b"zenml")
        try:
            if self.read(key) != b"zenml" or key.partition("/")[2] not in self.sizes("checks"):
                raise StoreError("what was written cannot be read again", self.root, "Choose another place")
        finally:
            self.remove(key)

    def new_folder(self, key: str) -> Path:
        """Make a folder in the user's cache."""
        if self.sizes(key):
            raise FileExistsError(self.uri(key))
        folder = self._local(key)
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir()
        return folder

    def commit(self, key: str, folder: Path, names: Sequence[str]) -> None:
        """Send the files, several at a time, then look whether they all arrived."""
        sizes = {name: (folder / name).stat().st_size for name in names}
        with transfer(f"storing {key.partition('/')[0]}", sum(sizes.values())) as moved:

            def send(name: str) -> None:
                self._send(f"{key}/{name}", str(folder / name), moved)

            self._in_threads(send, sorted(names, key=lambda name: -sizes[name]))
        if (found := self.sizes(key)) != dict(sorted(sizes.items())):
            raise StoreError(
                f"not all files arrived: {len(sizes)} were sent, and {len(found)} are there", self.uri(key), "Run again"
            )

    def settle(self, key: str, folder: Path, manifest: Manifest) -> None:
        """Keep the files in the cache, as the next step will read them."""
        self._cache.adopt(folder, manifest)

    def fetch(self, key: str, manifest: Manifest) -> Path:
        """Return the files as the cache has them, or get them."""

        def get(folder: Path, files: Sequence[File]) -> None:
            total = sum(file.size for file in files)
            with transfer(f"reading {key.partition('/')[0]}", total) as moved:
                bad = self._in_threads(lambda file: self._get(key, file, folder, moved), _largest_first(files))
            refuse_changed(self.uri(key), sorted(name for name in bad if name))

        return self._cache.get(manifest, get)

    def digests(self, key: str, names: Sequence[str]) -> list[str]:
        """Get each file for a moment."""
        folder = self._cache.new_folder()

        def digest(name: str) -> str:
            local = folder / hashlib.sha256(name.encode()).hexdigest()
            self._receive(f"{key}/{name}", local, lambda _: None)
            try:
                return sha256(local)
            finally:
                local.unlink()

        try:
            return self._in_threads(digest, names)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def write(self, key: str, data: bytes) -> None:
        """Put the file at once; where it could be seen half-written, beside its place, then rename."""

        def put(filesystem: AbstractFileSystem, path: str) -> None:
            self.put_bytes(filesystem, path, data)

        self._put(key, put)

    def read(self, key: str) -> bytes:
        """Read the file."""
        return bytes(self._call(key, lambda filesystem, path: filesystem.cat_file(path)))

    def sizes(self, key: str) -> dict[str, int]:
        """List what is below the key; partial files of processes that died are passed over."""

        def find(filesystem: AbstractFileSystem, path: str) -> dict[str, int]:
            try:
                found = filesystem.find(path, detail=True)
            except FileNotFoundError:
                return {}
            prefix = f"{path}/"
            rows = ((str(name).removeprefix(prefix), row) for name, row in found.items() if name.startswith(prefix))
            return {
                name: int(row["size"])
                for name, row in sorted(rows)
                if row["type"] == "file" and name and not name.endswith("/") and not is_partial(name)
            }

        return self._call(key, find)

    def folders(self, key: str) -> list[str]:
        """List the folder."""

        def ls(filesystem: AbstractFileSystem, path: str) -> list[str]:
            try:
                found = filesystem.ls(path, detail=True)
            except (FileNotFoundError, NotADirectoryError):
                return []
            return sorted(posixpath.basename(row["name"].rstrip("/")) for row in found if row["type"] == "directory")

        return self._call(key, ls)

    def exists(self, key: str) -> bool:
        """Look at the file."""

        def look(filesystem: AbstractFileSystem, path: str) -> bool:
            try:
                return bool(filesystem.info(path)["type"] == "file")
            except (FileNotFoundError, NotADirectoryError):
                return False

        return self._call(key, look)

    def modified(self, key: str) -> float | None:
        """Look at the file, where the file system tells."""

        def look(filesystem: AbstractFileSystem, path: str) -> float | None:
            try:
                at = filesystem.modified(path)
            except (FileNotFoundError, IsADirectoryError, NotImplementedError, KeyError):
                return None
            at = datetime.fromisoformat(at) if isinstance(at, str) else at
            return float((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())

        return self._call(key, look)

    def remove(self, key: str) -> None:
        """Remove the file, or all files below the key, and what uploads to it left; here too."""
        shutil.rmtree(self._local(key), ignore_errors=True)
        if not self.OBJECT_STORE:
            self._call(key, self._remove_folders)
            return
        self._in_threads(self._remove_file, [f"{key}/{name}" for name in self.sizes(key)] or [key])
        self._call(key, self.drop_unfinished)

    # How

    def _local(self, key: str) -> Path:
        """Return where this process makes the files that will be kept at a key."""
        place = hashlib.sha256(self.root.encode()).hexdigest()[:16]
        return own_workspace(self._cache.root / "work") / "new" / place / key

    def _send(self, key: str, local: str, moved: Callable[[int], None]) -> None:
        callback = _callback(moved)
        self._put(key, lambda filesystem, path: self.put_file(filesystem, local, path, callback))
        callback.absolute_update(Path(local).stat().st_size)  # not all file systems tell

    def _get(self, key: str, file: File, folder: Path, moved: Callable[[int], None]) -> str:
        """Write a file into a folder; return its name where it is not as the manifest says."""
        local = folder / file.name
        local.parent.mkdir(parents=True, exist_ok=True)
        self._receive(f"{key}/{file.name}", local, moved)
        return "" if local.stat().st_size == file.size and sha256(local) == file.sha256 else file.name

    def _receive(self, key: str, local: Path, moved: Callable[[int], None]) -> None:
        callback = _callback(moved)
        self._call(key, lambda filesystem, path: self.get_file(filesystem, path, str(local), callback))
        callback.absolute_update(local.stat().st_size)

    def _put(self, key: str, put: Callable[[AbstractFileSystem, str], None]) -> None:
        """Put a file so that it appears whole."""

        def at_once(filesystem: AbstractFileSystem, path: str) -> None:
            if self.OBJECT_STORE:
                put(filesystem, path)
                return
            folder, _, name = path.rpartition("/")
            partial = f"{folder}/.{name}.{os.getpid()}-{threading.get_ident()}.partial"
            filesystem.makedirs(folder, exist_ok=True)
            try:
                put(filesystem, partial)
                filesystem.mv(partial, path)
            except BaseException:
                with contextlib.suppress(Exception):  # the first error is the one to tell
                    filesystem.rm_file(partial)
                raise

        self._call(key, at_once)

    def _remove_file(self, key: str) -> None:
        def remove(filesystem: AbstractFileSystem, path: str) -> None:
            with contextlib.suppress(FileNotFoundError):
                filesystem.rm_file(path)

        self._call(key, remove)

    def _remove_folders(self, filesystem: AbstractFileSystem, path: str) -> None:
        """Remove a file, or a folder with all in it, then the folders above it that are left empty."""
        with contextlib.suppress(FileNotFoundError):
            filesystem.rm(path, recursive=True)
        root = self._path(filesystem, "")
        with contextlib.suppress(OSError):  # not empty, or used by another process just now
            while (path := path.rpartition("/")[0]).startswith(f"{root}/"):
                filesystem.rmdir(path)

    def _path(self, filesystem: AbstractFileSystem, key: str) -> str:
        return str(filesystem._strip_protocol(self.uri(key))).rstrip("/")  # noqa: SLF001 - what fsspec has for it

    def _call(self, key: str, work: Callable[[AbstractFileSystem, str], _RESULT]) -> _RESULT:
        """Work on the file system; its errors become those that a transport raises."""
        try:
            filesystem = self._filesystem()
            return retried(lambda: work(filesystem, self._path(filesystem, key)), self.is_transient, self.TRIES)
        except (ZenMLError, FileNotFoundError, FileExistsError):
            raise
        except Exception as error:
            raise self._told(error, key) from error

    def _filesystem(self) -> AbstractFileSystem:
        with self._opening:
            if self._opened is None:
                try:
                    self._opened = retried(self.open_filesystem, self.is_transient, self.TRIES)
                except FileNotFoundError as error:
                    problem = self.explain(error) or Problem("it does not exist", mend="Make it, or choose another one")
                    raise StoreError(problem.what, self.root, problem.mend) from error
            return self._opened

    def _told(self, error: Exception, key: str) -> Exception:
        """Return the error to raise in place of one of the file system."""
        where = self.uri(key)
        problem = self.explain(error)
        if problem is not None:
            return StoreError(Problem(problem.what, problem.where or where, problem.mend))
        if isinstance(error, NotImplementedError):
            return StoreError(f"{scheme_of(self.root)}:// cannot be written to", where, "Choose another place")
        if isinstance(error, ImportError):
            return StoreError(f"a package is missing: {error}", self.root)
        if isinstance(error, (ConnectionError, TimeoutError)):
            return StoreError(f"the artifact store cannot be reached: {_first_line(error)}", where, UNREACHABLE)
        if isinstance(error, OSError) and error.errno:
            return error
        return StoreError(f"the artifact store answered with an error: {_first_line(error)}", where)

    def _in_threads(self, work: Callable[[_ITEM], _RESULT], items: Sequence[_ITEM]) -> list[_RESULT]:
        """Return the results in the order of the items; after the first error nothing more is begun."""
        if len(items) <= 1:
            return [work(item) for item in items]
        self._filesystem_is_open()
        with ThreadPoolExecutor(min(self.THREADS, len(items))) as pool:
            waiting = [pool.submit(work, item) for item in items]
            try:
                return [future.result() for future in waiting]
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def _filesystem_is_open(self) -> None:
        self._call("", lambda _filesystem, _path: None)


def _largest_first(files: Sequence[File]) -> list[File]:
    return sorted(files, key=lambda file: -file.size)


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:300] if text else type(error).__name__


def _callback(moved: Callable[[int], None]) -> Any:
    from fsspec.callbacks import Callback

    class Moved(Callback):  # type: ignore[misc] # fsspec has no types
        """Tells how many bytes were moved since it last told."""

        told = 0

        def call(self, hook_name: str | None = None, **kwargs: Any) -> None:
            if self.value > self.told:
                moved(self.value - self.told)
                self.told = self.value

    return Moved()
