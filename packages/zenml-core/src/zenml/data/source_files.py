"""Source files: what a path, a pattern or a URL names, how it is read in pieces, and whether it has changed."""

from __future__ import annotations

import glob
import hashlib
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from zenml.errors import DataError, Problem, closest

_PIECE = 1 << 20
_VERSIONS = ("etag", "ETag", "generation", "md5Hash", "content_md5", "version_id")


@dataclass(frozen=True)
class SourceFile:
    """One file of a source, as it was when it was listed.

    Args:
        url: absolute path, or URL where it is not a local file.
        size: in bytes.
        version: whatever changes with the content: modification time and inode, or the object store's etag or
            generation; empty where the store tells nothing.
        label: what to call it in an error, where that is not its URL.
    """

    url: str
    size: int
    version: str
    label: str = ""

    @property
    def place(self) -> str:
        """Return what to call it in an error."""
        return self.label or self.url

    @property
    def local(self) -> bool:
        """Say whether it is a file of this machine."""
        return "://" not in self.url

    @property
    def name(self) -> str:
        """Return its name without the folder."""
        return self.place.rstrip("/").rpartition("/")[2]

    def again(self) -> SourceFile:
        """Return the file as it is now.

        Raises:
            DataError: it is gone.
        """
        return local_file(self.url, self.label) if self.local else remote_file(self.url)

    def open(self) -> BinaryIO:
        """Open it for reading bytes."""
        if self.local:
            return Path(self.url).open("rb")
        import fsspec

        file: BinaryIO = fsspec.open(self.url, "rb").open()
        return file

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes from `start` to `end`, both cut to the file's size."""
        start, end = max(0, start), min(self.size, end)
        with self.open() as file:
            file.seek(start)
            return file.read(max(0, end - start))

    def pieces(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Stream the bytes from `start` to `end` in pieces of up to 1 MiB."""
        left = (self.size if end is None else min(end, self.size)) - start
        with self.open() as file:
            file.seek(start)
            while left > 0 and (piece := file.read(min(_PIECE, left))):
                left -= len(piece)
                yield piece

    def digest(self) -> str:
        """Return the SHA-256 of its bytes, in hexadecimal."""
        with self.open() as file:
            return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type] # a readable binary file


def source_files(path: str) -> list[SourceFile]:
    """Return the files that a path, a glob pattern or an fsspec URL names, sorted by name.

    Raises:
        DataError: there is no such file, nothing fits the pattern, or it is a folder.
    """
    if path.startswith("file://"):
        path = path.removeprefix("file://")
    if "://" not in path:
        return [local_file(name) for name in _local_names(os.path.expanduser(path))]  # noqa: PTH111 - patterns are no paths
    fs, _ = filesystem(path)
    if not glob.has_magic(path):
        return [remote_file(path)]
    urls = sorted(fs.unstrip_protocol(name) for name in fs.glob(path))
    if not urls:
        raise DataError("no file fits this pattern", path)
    return [remote_file(url) for url in urls]


def _local_names(path: str) -> list[str]:
    place = Path(path)
    if place.is_dir():
        raise DataError("this is a folder, not a file", path, f"Name its files by a pattern: {place / '*.csv'}")
    if place.exists():
        return [str(place.absolute())]
    if glob.has_magic(path):
        names = sorted(str(Path(name).absolute()) for name in glob.glob(path, recursive=True) if Path(name).is_file())  # noqa: PTH207 - an absolute pattern is no Path.glob
        if names:
            return names
        raise DataError("no file fits this pattern", path)
    beside = [other.name for other in place.parent.iterdir()] if place.parent.is_dir() else []
    raise DataError("there is no such file", path, closest(place.name, beside))


def local_file(name: str, label: str = "") -> SourceFile:
    """Return a file of this machine as it is now.

    Raises:
        DataError: it cannot be read.
    """
    try:
        facts = Path(name).stat()
    except OSError as error:
        raise DataError(Problem(f"cannot be read: {error.strerror}", name)) from None
    return SourceFile(name, facts.st_size, f"{facts.st_mtime_ns}-{facts.st_ino}", label)


def filesystem(url: str) -> tuple[Any, str]:
    """Return the fsspec file system of a URL, and the path in it.

    Raises:
        DataError: nothing installed understands the URL.
    """
    import fsspec

    try:
        found: tuple[Any, str] = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise DataError(f"cannot be opened: {error}", url) from None
    return found


def _info(url: str) -> dict[str, Any]:
    fs, name = filesystem(url)
    try:
        facts: dict[str, Any] = fs.info(name)
    except OSError as error:
        raise DataError(f"cannot be read: {error or type(error).__name__}", url) from None
    if facts["type"] != "file":
        raise DataError("this is a folder, not a file", url, f"Name its files by a pattern: {url.rstrip('/')}/*.csv")
    return facts


def remote_file(url: str) -> SourceFile:
    """Return the file behind an fsspec URL as it is now.

    Raises:
        DataError: it cannot be read.
    """
    facts = _info(url)
    if facts.get("size") is None:
        raise DataError("its size is not known, so it cannot be read in pieces", url, "Download it first")
    version = next((f"{url}#{key}:{facts[key]}" for key in _VERSIONS if facts.get(key)), "")
    return SourceFile(url, int(facts["size"]), version)


class RangeReader(io.RawIOBase):
    """A range of a file as a readable stream; `left` tells how many bytes were not read yet.

    Args:
        file: the file.
        start: first byte.
        end: the byte after the last.
        watch: called with what is read.
    """

    def __init__(self, file: SourceFile, start: int, end: int, watch: Callable[[bytes], None] | None = None) -> None:
        super().__init__()
        self._watch = watch
        self._file = file.open()
        self._file.seek(start)
        self.left = end - start

    def readable(self) -> bool:
        """Say yes."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes."""
        wanted = self.left if size is None or size < 0 else min(size, self.left)
        data = self._file.read(wanted)
        self.left -= len(data)
        if self._watch is not None:
            self._watch(data)
        return data

    def close(self) -> None:
        """Close the file."""
        if hasattr(self, "_file"):  # it is closed too when the file could not be opened
            self._file.close()
        super().close()
