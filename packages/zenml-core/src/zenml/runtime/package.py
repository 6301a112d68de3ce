"""The code package: the user's files as one archive that is the same whenever and wherever it is built."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import posixpath
import stat
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from zenml.errors import ConfigError, ZenMLError
from zenml.runtime.package_files import IGNORE_FILE, WHEELS, PackageFiles, list_package_files, unreadable

SIZE_CAP = 100 << 20
"""Bytes of files that a package may hold."""

_TRIES = 3
"""How often files are read again that change while they are read."""


@dataclass(frozen=True)
class Package:
    """A built package.

    Args:
        data: the gzipped tar archive.
        sizes: bytes of what is in it by name, relative to the repository root, sorted; a link's is 0.
        warnings: what was left out and may be missed.
    """

    data: bytes = field(repr=False)
    sizes: Mapping[str, int]
    warnings: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """The names of what is in it."""
        return tuple(self.sizes)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the archive, in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()


def build_package(
    root: Path, source_roots: Sequence[str], leave_out: Iterable[Path] = (), wheels: Sequence[Path] = ()
) -> Package:
    """Pack the files of a repository that `list_package_files` lists, and wheels.

    Args:
        root: the repository root.
        source_roots: folders of the user's modules, relative to it.
        leave_out: files that do not travel.
        wheels: built distributions that travel along.

    Raises:
        ConfigError: the files are larger than the cap (the largest are listed), cannot be read, have names that other
            machines cannot read, or do not stop changing; a source root lies elsewhere.
    """
    left_out = list(leave_out)
    for _ in range(_TRIES):
        found = list_package_files(root, source_roots, left_out)
        sizes = check_size(found, wheels)
        buffer = io.BytesIO()
        changed = _write(buffer, found, wheels)
        if not changed:
            return Package(buffer.getvalue(), sizes, (*found.warnings, *_compiled(wheels)))
    raise ConfigError(
        f"these files change while they are packed: {', '.join(changed)}",
        str(root),
        f"Stop what writes them, or name them in {IGNORE_FILE}",
    )


def check_size(found: PackageFiles, wheels: Sequence[Path] = ()) -> dict[str, int]:
    """Return the sizes of all that a package will hold, by name, sorted.

    Raises:
        ConfigError: they are larger than the cap; the largest are listed.
    """
    sizes = found.sizes | {f"{WHEELS}/{wheel.name}": wheel.stat().st_size for wheel in wheels}
    total = sum(sizes.values())
    if total > SIZE_CAP:
        largest = sorted(sizes, key=lambda name: (-sizes[name], name))[:5]
        listed = ", ".join(f"{name} ({_mebibytes(sizes[name])})" for name in largest)
        raise ConfigError(
            f"the code package would hold {_mebibytes(total)}, more than {_mebibytes(SIZE_CAP)}",
            str(found.root),
            f"Name what the code does not need in {IGNORE_FILE}. Largest: {listed}",
        )
    return {name: sizes[name] for name in sorted(sizes)}


def _compiled(wheels: Iterable[Path]) -> Iterator[str]:
    for wheel in wheels:
        tags = wheel.stem.split("-", 2)[2]
        if not tags.endswith("-none-any"):
            yield f"{wheel.name} holds compiled code, so it works only where the system and Python are {tags}"


def _mebibytes(size: int) -> str:
    return f"{size / (1 << 20):.1f} MiB"


def _write(buffer: io.BytesIO, found: PackageFiles, wheels: Sequence[Path]) -> list[str]:
    """Write the archive; return the files that changed meanwhile, so that it cannot be used."""
    travelling = {f"{WHEELS}/{wheel.name}": wheel for wheel in wheels}
    changed: list[str] = []
    closed: list[str] = []
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=6, mtime=0, filename="") as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name in sorted({*found.stats, *found.links, *travelling}):
            info = tarfile.TarInfo(name)
            if name in found.links:
                info.type, info.mode, info.linkname = tarfile.SYMTYPE, 0o777, found.links[name]
                archive.addfile(info)
                continue
            path = travelling.get(name, found.root / name)
            try:
                with _open(path) as file:
                    facts = os.fstat(file.fileno())
                    info.size = facts.st_size
                    info.mode = 0o755 if facts.st_mode & stat.S_IXUSR and name not in travelling else 0o644
                    archive.addfile(info, _Whole(file, info.size))
                    listed = found.stats.get(name, _times(facts))
                    if not listed == _times(facts) == _times(os.fstat(file.fileno())):
                        changed.append(name)
            except FileNotFoundError:
                changed.append(name)
            except OSError:
                closed.append(name)
    if closed:
        raise unreadable(found.root, closed)
    return changed


def _open(path: Path) -> BinaryIO:
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags), "rb")


def _times(facts: os.stat_result) -> tuple[int, int, int]:
    return facts.st_size, facts.st_mtime_ns, facts.st_mode


class _Whole(io.RawIOBase):
    """Gives exactly as many bytes as were announced, zeros where a file became shorter."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._left = size

    def read(self, size: int = -1, /) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        self._left -= wanted
        return self._file.read(wanted).ljust(wanted, b"\0")


def unpack(data: bytes, digest: str, folder: Path) -> list[Path]:
    """Unpack a package after checking its digest and what it would write; nothing leaves `folder`.

    Returns:
        A folder for each wheel that travelled, to be put first on the import path; metadata and entry points are there.

    Raises:
        ZenMLError: the archive is not the one that was built, or holds what no package does.
    """
    if hashlib.sha256(data).hexdigest() != digest:
        raise ZenMLError("the code package was changed after it was built: its digest differs")
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
            members = list(_sound(archive))
            folder.mkdir(parents=True, exist_ok=True)
            safely: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # from 3.11.4 on
            archive.extractall(folder, members=members, **safely)  # noqa: S202 - `_sound` has checked each
        wheels = [member.name for member in members if member.name.startswith(f"{WHEELS}/")]
        return [_unzip(folder / name) for name in wheels if name.endswith(".whl")]
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, gzip.BadGzipFile) as error:
        raise ZenMLError(f"the code package cannot be unpacked: {error}") from error


def _sound(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Give the members of an archive that is as packages are built.

    Raises:
        ZenMLError: one is not a file or link, would be written elsewhere, leads elsewhere, or is there twice.
    """
    seen: set[str] = set()
    links: set[str] = set()
    total = 0
    for member in archive:
        _check_name(member.name)
        if not (member.isreg() or member.issym()):
            raise _foreign(member.name, "it is neither a file nor a symbolic link")
        if member.name in seen:
            raise _foreign(member.name, "it is there twice")
        if links.intersection(parent.as_posix() for parent in PurePosixPath(member.name).parents):
            raise _foreign(member.name, "it lies behind a link")
        if member.issym():
            target = posixpath.normpath(posixpath.join(posixpath.dirname(member.name), member.linkname))
            winding = posixpath.normpath(member.linkname) != member.linkname  # through a link and up from there
            if winding or target.split("/")[0] == ".." or member.linkname.startswith("/"):
                raise _foreign(member.name, "it leads out of the package")
            links.add(member.name)
        total += member.size
        if total > SIZE_CAP:
            raise _foreign(member.name, f"with it, the files are larger than {_mebibytes(SIZE_CAP)}")
        seen.add(member.name)
        yield member


def _check_name(name: str) -> None:
    parts = name.split("/")
    foreign = os.sep != "/" and os.sep in name
    if foreign or "\0" in name or {"", ".", ".."}.intersection(parts) or Path(name).is_absolute():
        raise _foreign(name, "it would be written elsewhere")


def _foreign(name: str, why: str) -> ZenMLError:
    return ZenMLError(f"the code package holds {name!r}, which is not unpacked: {why}")


def _unzip(wheel: Path) -> Path:
    """Unpack a wheel beside itself, as an installer would lay it out, and return the folder."""
    folder = wheel.with_suffix("")
    left = SIZE_CAP
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            name = member.filename
            if name.endswith("/"):
                continue
            _check_name(name)
            head, _, rest = name.partition("/")
            if head.endswith(".data"):
                scheme, _, name = rest.partition("/")
                if scheme not in ("purelib", "platlib"):
                    continue  # scripts, headers and data of a prefix, of which there is none
            left -= member.file_size
            if left < 0:
                raise _foreign(f"{wheel.name}/{name}", f"the files are larger than {_mebibytes(SIZE_CAP)}")
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, target.open("wb") as out:
                while block := source.read(1 << 20):
                    out.write(block)
    return folder
