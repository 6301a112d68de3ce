"""Publishing: how a folder of files becomes an artifact, and how an artifact is checked when it is opened."""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from zenml.artifacts import manifest as manifests
from zenml.artifacts.handles import NewArtifact, StoredArtifact
from zenml.artifacts.hashing import sha256_of
from zenml.artifacts.local import is_partial, walk
from zenml.artifacts.manifest import File, Manifest
from zenml.artifacts.transport import Transport
from zenml.artifacts.trouble import explained
from zenml.errors import Problem, StoreError

_SHOWN = 5
_RERUN = "Delete the artifact and run again"


def publish(transport: Transport, new: NewArtifact) -> StoredArtifact:
    """Make the files of a new artifact lasting, then write its manifest.

    Where anything fails, no manifest is left.

    Raises:
        OSError: something could not be read or written.
        StoreError: the folder holds something that no artifact may hold.
    """
    files = _files(new)
    manifest = Manifest(new.type.__name__, files, new.properties)
    data = manifest.to_bytes()
    transport.commit(new.key, new.path, [file.name for file in files])
    key = f"{new.key}/{manifests.NAME}"
    try:
        transport.write(key, data)
    except BaseException:
        with contextlib.suppress(OSError):
            transport.remove(key)
        raise
    manifest = Manifest.from_bytes(data, new.key)
    transport.settle(new.key, new.path, manifest)
    return _stored(transport, new.key, manifest)


def open_artifact(transport: Transport, key: str) -> StoredArtifact:
    """Return the artifact at a key after a check of its manifest, and of the names and sizes of its files.

    Files that were written after the manifest, as when somebody changed them by hand, are read and checked too.

    Raises:
        OSError: something could not be read.
        StoreError: there is no artifact, or it is not as it was published.
    """
    manifest = _read(transport, key)
    wanted, found = manifest.sizes, transport.sizes(key)
    found.pop(manifests.NAME, None)
    if found != wanted:
        _refuse(transport.uri(key), wanted, found)
    touched = transport.touched(key)
    if touched:
        _check(transport, key, [file for file in manifest.files if file.name in touched])
    return _stored(transport, key, manifest)


def verify(transport: Transport, key: str) -> None:
    """Check every byte of an artifact against its manifest.

    Raises:
        OSError: something could not be read.
        StoreError: it is not as it was published.
    """
    open_artifact(transport, key)
    _check(transport, key, _read(transport, key).files)


def _check(transport: Transport, key: str, files: Sequence[File]) -> None:
    digests = transport.digests(key, [file.name for file in files])
    refuse_changed(
        transport.uri(key), [file.name for file, digest in zip(files, digests, strict=True) if digest != file.sha256]
    )


def refuse_changed(uri: str, names: Sequence[str]) -> None:
    """Raise the error that names files whose bytes are not those that were published, if there are any.

    Raises:
        StoreError: there are.
    """
    if names:
        raise StoreError([Problem("the file was changed", f"{uri}/{name}", _RERUN) for name in names])


def _files(new: NewArtifact) -> tuple[File, ...]:
    problems: list[Problem] = []
    sizes: dict[str, int] = {}
    for name, state in walk(new.path):
        where = f"{new.path}/{name}".encode(errors="backslashreplace").decode()
        if is_partial(name):
            (new.path / name).unlink()
        elif not stat.S_ISREG(state.st_mode):
            problems.append(Problem("an artifact holds plain files only, no links, pipes or devices", where))
        elif name == manifests.NAME:
            problems.append(Problem("this name is kept for the manifest", where))
        elif not _is_text(name):
            problems.append(Problem("the file's name is not Unicode text", where))
        else:
            sizes[name] = state.st_size
    if problems:
        raise StoreError(problems)
    names = sorted(sizes)
    digests = sha256_of([new.path / name for name in names])
    is_content = new.type.is_content
    return tuple(File(name, sizes[name], digest, is_content(name)) for name, digest in zip(names, digests, strict=True))


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _read(transport: Transport, key: str) -> Manifest:
    uri = transport.uri(key)
    try:
        data = transport.read(f"{key}/{manifests.NAME}")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise StoreError("there is no artifact", uri, "Run again to make it") from error
    return Manifest.from_bytes(data, uri)


def _refuse(uri: str, wanted: Mapping[str, int], found: Mapping[str, int]) -> None:
    problems = []
    for name in sorted(wanted.keys() | found.keys()):
        where = f"{uri}/{name}"
        if name not in found:
            problems.append(Problem("a file of the artifact is gone", where, _RERUN))
        elif name not in wanted:
            problems.append(Problem("the file is no part of the artifact", where, "Remove it"))
        elif wanted[name] != found[name]:
            what = f"the file has {found[name]:,} bytes, not the {wanted[name]:,} that were published"
            problems.append(Problem(what, where, _RERUN))
    more = len(problems) - _SHOWN
    if more > 0:
        problems[_SHOWN:] = [Problem(f"{more:,} more files are not as they were published", uri)]
    raise StoreError(problems)


def _stored(transport: Transport, key: str, manifest: Manifest) -> StoredArtifact:
    def fetch() -> Path:
        with explained("read an artifact", uri):
            return transport.fetch(key, manifest)

    uri = transport.uri(key)
    return StoredArtifact(manifest.type, uri, manifest.digest, fetch, manifest.properties)
