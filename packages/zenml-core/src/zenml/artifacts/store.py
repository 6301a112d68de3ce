"""ArtifactStore: where artifacts and the files of runs are kept."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from pydantic import PrivateAttr, field_validator

from zenml.artifacts import manifest as manifests
from zenml.artifacts import publishing
from zenml.artifacts.elsewhere import how_to_reach, store_of
from zenml.artifacts.handles import NewArtifact, StoredArtifact
from zenml.artifacts.local import LocalTransport
from zenml.artifacts.positional import OnePath
from zenml.artifacts.schemes import local_path, scheme_of, store_class
from zenml.artifacts.transport import Transport
from zenml.artifacts.trouble import explained
from zenml.artifacts.types import Artifact
from zenml.errors import Problem, SecretError, StoreError
from zenml.secrets import Secret
from zenml.spec.component import Component
from zenml.spec.model import ComponentSpec

if TYPE_CHECKING:
    import os

_KEY = re.compile(r"(?!\.{1,2}(/|$))[^/\\\x00-\x1f]+(/(?!\.{1,2}(/|$))[^/\\\x00-\x1f]+)*")


class ArtifactStore(OnePath, Component):
    """A folder, here or behind a URL, that keeps artifacts; written in a spec as just its path, or with its options.

    An artifact lies in `<type>/<fingerprint>/<attempt>/`. It is there from the moment when its manifest is; a folder
    without one was left by a process that died, and nobody sees it. Beside artifacts, the store keeps the files of
    runs and pointers to snapshots by key. Every method may raise `StoreError`.

    A plugin that serves URLs subclasses this, overrides `open_transport`, and offers the class under the name of the
    URLs' scheme.

    Args:
        path: a folder, or a URL of a scheme that an installed plugin or fsspec serves; `file:` is served always.
    """

    KINDS = ("artifact-store",)

    path: str
    _transports: dict[str, Transport] = PrivateAttr(default_factory=dict)

    if TYPE_CHECKING:

        def __init__(self, path: str | os.PathLike[str], **config: Any) -> None: ...

    @field_validator("path")
    @classmethod
    def _holds_no_password(cls, path: str) -> str:
        if scheme_of(path) and urlsplit(path).password:
            raise ValueError("a password must not stand in a URL; give it as an option of the store")
        return path

    def resolve(self, root: Path) -> Self:
        """Return the store with a path that holds in any working directory; a relative one counts from `root`."""
        if scheme_of(self.path) not in ("", "file"):
            return self
        path = str(root.absolute() / Path(local_path(self.path)).expanduser())
        return self if path == self.path else self.model_copy(update={"path": path})

    def below(self, key: str) -> Self:
        """Return the store, with the same options, of what lies in a folder of this one."""
        return self.model_copy(update={"path": f"{self.path.rstrip('/')}/{_checked(key)}"})

    def open_transport(self) -> Transport:
        """Return what reaches the place that the path names.

        Raises:
            StoreError: nothing that is installed does; the message says which package would.
        """
        if scheme_of(self.path) in ("", "file"):
            return LocalTransport(str(Path(local_path(self.path)).expanduser().absolute()))
        served = store_class(self.path)
        if served is None:
            from zenml.artifacts.fsspec_transport import FsspecTransport

            return FsspecTransport(self.path)
        return served(self.path).open_transport()

    @property
    def local_files(self) -> str:
        """The folder of this machine that the store is; empty where it is behind a URL that other machines reach."""
        return self.path if scheme_of(self.path) in ("", "file") else ""

    @property
    def transport(self) -> Transport:
        """What reaches the place that the path names, opened at the first use."""
        if self.path not in self._transports:
            self._transports[self.path] = self.open_transport()
        return self._transports[self.path]

    def to_spec(self) -> str | ComponentSpec:
        """Return what a spec says of the store: its path, and its type and config where it has options.

        Literal secrets are kept in the repository's secrets file, and their references written.
        """
        block = ComponentSpec(**self.to_config())
        return self.path if set(block.config) == {"path"} else block

    @staticmethod
    def from_spec(written: str | ComponentSpec) -> ArtifactStore:
        """Make the store that a spec names.

        Raises:
            ConfigError: its options do not fit.
            PluginError: nothing that is installed offers its type.
        """
        if isinstance(written, str):
            return ArtifactStore(written)
        store: ArtifactStore = ArtifactStore.from_config(written.model_dump())
        return store

    def check(self) -> None:
        """Find out whether artifacts can be kept here: a small file is written, read and removed."""
        with explained("keep artifacts here", self.path):
            self.transport.check()

    def require_secrets(self) -> None:
        """Look up the secrets by which the store is reached, so that one that is missing is told before work begins.

        Raises:
            SecretError: all that resolve to nothing.
        """
        problems: list[Problem] = []
        for value in (getattr(self, name) for name in type(self).model_fields):
            try:
                if isinstance(value, Secret):
                    value.reveal()
            except SecretError as error:
                problems += error.problems
        if problems:
            raise SecretError(problems)

    @property
    def place(self) -> str:
        """What the URIs of all that is kept here begin with."""
        return self.transport.root

    def holds(self, uri: str) -> bool:
        """Say whether a URI is of this store, whatever is there."""
        return self.transport.key(uri) is not None

    # Artifacts

    def new(self, type: type[Artifact], fingerprint: str, attempt: str) -> NewArtifact:  # noqa: A002 - what it is
        """Return an empty folder for an artifact of that type, made by one attempt at one step."""
        key = _checked(f"{type.__name__}/{fingerprint.removeprefix('sha256:')}/{attempt}")
        with explained("make a folder for an artifact", self.uri(key)):
            return NewArtifact(type, self.transport.new_folder(key), key=key)

    def publish(self, new: NewArtifact) -> StoredArtifact:
        """Make a new artifact an artifact: its files are written through to the disk, then its manifest.

        Files whose names end in `.partial` after a leading dot, left by workers that died, are removed.

        Raises:
            StoreError: something cannot be written, or the folder holds what no artifact may; no artifact is there.
        """
        with explained("publish an artifact", self.uri(new.key)):
            return publishing.publish(self.transport, new)

    def discard(self, new: NewArtifact) -> None:
        """Remove a new artifact that will not be published, and what of it can be removed where not all can."""
        self._remove_quietly(new.key)
        shutil.rmtree(new.path, ignore_errors=True)  # where the store is out of reach, the files here still go

    def discard_attempt(self, fingerprint: str, attempt: str) -> None:
        """Remove whatever an attempt left that is recorded nowhere, whatever its type and output."""
        fingerprint = fingerprint.removeprefix("sha256:")
        with explained("look for what an attempt left", self.path):
            types = self.transport.folders("")
            places = {(type_, name) for type_ in types for name in self.transport.folders(f"{type_}/{fingerprint}")}
            sent = (key.split("/") for key in self.transport.unfinished())
            places |= {(parts[0], parts[2]) for parts in sent if len(parts) > 3 and parts[1] == fingerprint}
        for key in sorted(
            f"{type_}/{fingerprint}/{name}"
            for type_, name in places
            if name == attempt or name.startswith(f"{attempt}-")
        ):
            self._remove_quietly(key)

    def open(self, uri: str) -> StoredArtifact:
        """Return a published artifact; its manifest, and the names and sizes of its files, are checked."""
        with self._at(uri, "open an artifact") as key:
            return publishing.open_artifact(self.transport, key)

    def verify(self, artifact: StoredArtifact) -> None:
        """Check every byte of an artifact against its manifest."""
        with self._at(artifact.uri, "verify an artifact") as key:
            publishing.verify(self.transport, key)

    def exists(self, uri: str) -> bool:
        """Say whether an artifact is there."""
        with self._at(uri, "look for an artifact") as key:
            return self.transport.exists(f"{key}/{manifests.NAME}")

    def delete(self, uri: str) -> None:
        """Remove an artifact, its manifest first; one that is not there is no error."""
        with self._at(uri, "delete an artifact") as key:
            self.transport.remove(f"{key}/{manifests.NAME}")
            self.transport.remove(key)

    # Snapshots

    def point_to_snapshot(self, digest: str, uri: str) -> None:
        """Make `open_snapshot(digest)` find the artifact at `uri`."""
        with self._at(uri, "point to a snapshot") as key:
            self.transport.write(_snapshot(digest), key.encode())

    def open_snapshot(self, digest: str) -> StoredArtifact:
        """Return the artifact with a content digest (`sha256:…`) that `point_to_snapshot` named."""
        with explained("open a snapshot", self.path):
            try:
                key = self.transport.read(_snapshot(digest)).decode()
            except FileNotFoundError as error:
                raise StoreError(
                    f"the snapshot {digest} is not in this artifact store",
                    self.path,
                    "Run the pipeline from where its data is, or choose the store that it was committed to",
                ) from error
            artifact = publishing.open_artifact(self.transport, key)
        if artifact.digest != digest:
            raise StoreError(f"the artifact is not the snapshot {digest}", artifact.uri, "Commit the data again")
        return artifact

    # Files by key

    def uri(self, key: str) -> str:
        """Return the URI of what is at a key."""
        return self.transport.uri(key)

    def write_bytes(self, key: str, data: bytes) -> None:
        """Put a file at a key, in place of what is there: whole or not at all."""
        with explained("write a file", self.uri(_checked(key))):
            self.transport.write(key, data)

    def read_bytes(self, key: str) -> bytes:
        """Return the file at a key."""
        with explained("read a file", self.uri(_checked(key))):
            return self.transport.read(key)

    def has(self, key: str) -> bool:
        """Say whether a file is at a key."""
        with explained("look for a file", self.uri(_checked(key))):
            return self.transport.exists(key)

    def list(self, prefix: str) -> list[str]:
        """Return the keys of all files below a folder, sorted."""
        with explained("list files", self.uri(_checked(prefix))):
            return [f"{prefix}/{name}" for name in self.transport.sizes(prefix)]

    def folders(self, key: str) -> tuple[str, ...]:
        """Return the names of the folders right below one, sorted."""
        with explained("list folders", self.uri(_checked(key))):
            return tuple(self.transport.folders(key))

    def remove(self, key: str) -> None:
        """Remove a file, or all files below a folder; what is not there is no error."""
        with explained("remove files", self.uri(_checked(key))):
            self.transport.remove(key)

    @contextmanager
    def _at(self, uri: str, doing: str) -> Iterator[str]:
        key = self.transport.key(uri)
        if key is None:
            elsewhere = store_of(uri)
            mend = how_to_reach(elsewhere) if elsewhere else ""
            raise StoreError(f"this is not in the artifact store {self.path}", uri, mend)
        with explained(doing, uri):
            yield _checked(key)

    def _remove_quietly(self, key: str) -> None:
        """Remove what can be removed: without a manifest it is no artifact, and another process may clear it later."""
        try:
            self.delete(self.uri(key))
        except StoreError:
            return


def _checked(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise StoreError(f"{key!r} is no key of an artifact store", mend="Use names, with / between them")
    return key


def _snapshot(digest: str) -> str:
    return _checked(f"snapshots/{digest.removeprefix('sha256:')}")
