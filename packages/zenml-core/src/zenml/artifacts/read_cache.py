"""ReadCache: artifacts that were read from afar, kept in the user's cache folder up to a size."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from zenml.artifacts.hashing import sha256_of
from zenml.artifacts.local import walk
from zenml.artifacts.manifest import File, Manifest
from zenml.artifacts.workspace import is_dead, own_workspace, workspaces
from zenml.errors import ConfigError

FOLDER_VARIABLE = "ZENML_ARTIFACT_CACHE"
"""Environment variable that names the folder; by default `zenml/artifacts` in the user's cache folder."""

SIZE_VARIABLE = "ZENML_ARTIFACT_CACHE_SIZE"
"""Environment variable that says how much is kept, such as `20 GB`; it goes before what `zenml config` set."""

DEFAULT_SIZE = 10 * 1000**3
_UNITS = {"": 1, "B": 1, **{f"{unit}B": 1000 ** (power + 1) for power, unit in enumerate("KMGT")}}
_UNITS |= {f"{unit}IB": 1024 ** (power + 1) for power, unit in enumerate("KMGT")}
_verified: set[str] = set()
_lock = threading.RLock()


class ReadCache:
    """A folder that several processes share; what was used longest ago goes first when it grows beyond its size.

    An entry is the folder of one artifact's files, named by the digest of its manifest. It appears whole, by a rename;
    no process writes into it, and none removes it while another process that read from it lives. Each process checks
    the digests of an entry's files before its first use of it, and fetches anew what is not as it was published.

    Args:
        root: the folder; by default the user's.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or default_folder()

    @property
    def limit(self) -> int:
        """How many bytes are kept: by the environment, else as `set_limit` left it, else 10 GB."""
        chosen = os.environ.get(SIZE_VARIABLE)
        if chosen:
            return parse_size(chosen, SIZE_VARIABLE)
        try:
            return parse_size((self.root / "limit").read_text(encoding="utf-8"), str(self.root / "limit"))
        except FileNotFoundError:
            return DEFAULT_SIZE

    def check_limit(self) -> None:
        """Find out whether the limit can be read, before anything is made that must fit.

        Raises:
            ConfigError: it is no size.
        """
        self.limit  # noqa: B018 - looking at it reads it

    def set_limit(self, size: int) -> None:
        """Keep so many bytes from now on, in every process of this user; what is too much is removed."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = self.root / f".limit-{secrets.token_hex(4)}"
        partial.write_text(f"{size}\n", encoding="utf-8")
        partial.replace(self.root / "limit")
        self.trim()

    @property
    def size(self) -> int:
        """How many bytes the entries hold."""
        return sum(_size_of(entry) for entry in self._entries())

    def new_folder(self) -> Path:
        """Return an empty folder that belongs to this process, on the same file system as the entries."""
        folder = self._workspace() / secrets.token_hex(8)
        folder.mkdir()
        return folder

    def get(self, manifest: Manifest, fetch: Callable[[Path, Sequence[File]], None]) -> Path:
        """Return a folder with an artifact's files, from the cache or by `fetch`.

        Args:
            manifest: the artifact's.
            fetch: puts files into a folder; it checks their digests, and raises where one does not fit.
        """
        name = _name(manifest)
        entry = self.root / "entries" / name
        if self._use(name):
            if name in _verified or _is_sound(entry, manifest):
                _verified.add(name)
                return entry
            self._remove([entry], in_use=True)
        folder = self.new_folder()
        try:
            fetch(folder, manifest.files)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return self.adopt(folder, manifest)

    def adopt(self, folder: Path, manifest: Manifest) -> Path:
        """Make a folder of this process an entry, and return that; its files are known to be what the manifest says."""
        name = _name(manifest)
        entry = self.root / "entries" / name
        for file in manifest.files:
            (folder / file.name).chmod(0o444)  # a step that writes into its input is told so
        with self._exclusive():
            self._mark(name)
            entry.parent.mkdir(exist_ok=True)
            there = entry.is_dir()
            if not there:
                folder.rename(entry)
        if there and not (name in _verified or _is_sound(entry, manifest)):
            with self._exclusive():
                entry.rename(self._workspace() / secrets.token_hex(8))
                folder.rename(entry)
        elif there:
            shutil.rmtree(folder, ignore_errors=True)
        _verified.add(name)
        self.trim()
        return entry

    def trim(self) -> None:
        """Remove what was used longest ago, until the rest fits; what living processes use stays."""
        entries = sorted(self._entries(), key=_used)
        excess = sum(_size_of(entry) for entry in entries) - self.limit
        if excess > 0:
            self._remove(entries, excess=excess)

    def clear(self) -> None:
        """Remove all entries that no living process uses."""
        self._remove(self._entries())

    def _use(self, name: str) -> bool:
        """Say whether an entry is there, and note that this process uses it."""
        with self._exclusive():
            entry = self.root / "entries" / name
            if not entry.is_dir():
                return False
            self._mark(name)
            with contextlib.suppress(OSError):
                os.utime(entry)
            return True

    def _mark(self, name: str) -> None:
        uses = self._workspace() / "uses"
        uses.mkdir(exist_ok=True)
        (uses / name).touch()

    def _used(self) -> set[str]:
        names = set[str]()
        for workspace in workspaces(self.root / "work"):
            with contextlib.suppress(OSError):
                uses = {path.name for path in (workspace / "uses").iterdir()}
                names |= set() if is_dead(workspace) else uses
        return names

    def _remove(self, entries: Sequence[Path], *, excess: int | None = None, in_use: bool = False) -> None:
        """Remove entries in this order, up to `excess` bytes; while others look, they are only renamed."""
        trash = self.new_folder()
        with self._exclusive():
            used = set[str]() if in_use else self._used()
            for entry in entries:
                if excess is not None and excess <= 0:
                    break
                if entry.name not in used:
                    with contextlib.suppress(OSError):  # another process was quicker
                        entry.rename(trash / entry.name)
                        _verified.discard(entry.name)
                        excess = None if excess is None else excess - _size_of(entry)
        shutil.rmtree(trash, ignore_errors=True)

    def _entries(self) -> list[Path]:
        try:
            return [path for path in (self.root / "entries").iterdir() if _ENTRY.fullmatch(path.name)]
        except FileNotFoundError:
            return []

    def _workspace(self) -> Path:
        return own_workspace(self.root / "work")

    @contextlib.contextmanager
    def _exclusive(self) -> Iterator[None]:
        """Let no other thread or process use or remove entries meanwhile."""
        with _lock, contextlib.ExitStack() as stack:
            self._workspace()
            file = stack.enter_context((self.root / "lock").open("ab"))
            with contextlib.suppress(ImportError, OSError):  # a system, or a file system, without locks
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX)
            yield


_ENTRY = re.compile(r"[0-9a-f]{64}-[0-9]+")


def default_folder() -> Path:
    """Return where the user's cache of artifacts is."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen:
        return Path(chosen).expanduser().absolute()
    import platformdirs

    return platformdirs.user_cache_path("zenml", appauthor=False) / "artifacts"


def parse_size(text: str, where: str = "") -> int:
    """Return the bytes that `500 MB`, `20GB`, `1.5 TiB` or a number stand for.

    Raises:
        ConfigError: it is no size.
    """
    found = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*", text)
    if found is None or found[2].upper() not in _UNITS:
        raise ConfigError(f"{text.strip()!r} is no size", where, "Write bytes, or a number with KB, MB, GB or TB")
    return int(float(found[1]) * _UNITS[found[2].upper()])


def _name(manifest: Manifest) -> str:
    digest = hashlib.sha256(manifest.to_bytes()).hexdigest()
    return f"{digest}-{sum(file.size for file in manifest.files)}"


def _size_of(entry: Path) -> int:
    return int(entry.name.rpartition("-")[2])


def _used(entry: Path) -> float:
    try:
        return entry.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _is_sound(folder: Path, manifest: Manifest) -> bool:
    """Say whether a folder holds the files of a manifest, byte by byte, and nothing else."""
    try:
        if {name: state.st_size for name, state in walk(folder)} != manifest.sizes:
            return False
        digests = sha256_of([folder / file.name for file in manifest.files])
    except OSError:
        return False
    return digests == [file.sha256 for file in manifest.files]
