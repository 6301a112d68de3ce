"""Checkpoints: what a training has learned so far, kept so that a resumed run goes on from there."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from zenml.artifacts import manifest
from zenml.artifacts.handles import StoredArtifact
from zenml.artifacts.store import ArtifactStore
from zenml.artifacts.types import Artifact
from zenml.errors import ConfigError, StoreError
from zenml.spec.changes import changes
from zenml.steps.trainer.history import History

KEPT = 2
"""How many checkpoints of a training are kept: should the newest be damaged, there is the one before."""

_NAME = "checkpoint-"


class Checkpoint(Artifact):
    """The state of a training after some of its steps: weights, optimizer, and whatever else goes on from there."""


class Saved(NamedTuple):
    """A checkpoint that was saved: after which step, and a folder with the files that the trainer wrote."""

    step: int
    path: Path


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of one step of one run, in the artifact store: `Checkpoint/<run>.<step>/<run>.<step>.<number>/`.

    A checkpoint is there whole or not at all, its bytes are checked when it is read, and any machine that reaches the
    store finds it. Write no pickle into it, nor anything else that runs code when it is read.

    Args:
        store: the run's artifact store.
        place: `<run>.<step>`.
        fingerprint: the step's fingerprint; the checkpoints of another one are refused.
        parts: what the fingerprint is made of, to say what differs.
        history: the epochs that were recorded; they are saved with each checkpoint, and come back with it.
        writes: whether this process saves; of several that train together one does.
    """

    store: ArtifactStore
    place: str
    fingerprint: str = ""
    parts: Mapping[str, Any] = field(default_factory=dict)
    history: History = field(default_factory=History)
    writes: bool = True

    def save(self, step: int, write: Callable[[Path], None]) -> None:
        """Save a checkpoint, and remove all but the last two.

        Args:
            step: how many steps (epochs, batches: whatever the trainer counts) it has behind it.
            write: writes the files into an empty folder that it is given.

        Raises:
            StoreError: it cannot be written; the one before it stays.
        """
        if not self.writes:
            return
        name = f"{self.place}.{_NAME}{step:012d}"
        self.store.remove(f"{self._folder}/{name}")  # what a process left that was killed while it wrote
        new = self.store.new(Checkpoint, self.place, name)
        try:
            write(new.path)
            new.properties.update(
                step=step, fingerprint=self.fingerprint, parts=dict(self.parts), epochs=list(self.history.epochs)
            )
            self.store.publish(new)
        except BaseException:
            self.store.discard(new)
            raise
        for old in self._names()[KEPT:]:
            self.store.delete(self.store.uri(f"{self._folder}/{old}"))

    def latest(self) -> Saved | None:
        """Return the newest checkpoint that is whole, and let the history be what it was then; None if there is none.

        Raises:
            ConfigError: it is of another training: the config, the code, the data or the versions differ.
        """
        for artifact in self._whole():
            known = artifact.properties
            self._refuse_other(known, artifact.uri)
            try:
                path = artifact.path
            except StoreError:  # damaged, or gone meanwhile: there may be one before it
                continue
            rows = known.get("epochs", [])
            self.history.replace(rows)
            return Saved(int(known["step"]), path)
        return None

    def hand_over(self, other: Checkpoints) -> None:
        """Let others that have none go on from the newest of these.

        Raises:
            ConfigError: it is of another training.
            StoreError: it cannot be read, or written there.
        """
        found = None if other._names() else self.latest()
        if found:
            other.history.replace(self.history.epochs)
            other.save(found.step, partial(_copy, found.path))

    def clear(self) -> None:
        """Remove all checkpoints; `zenml gc` finds what cannot be removed."""
        with contextlib.suppress(StoreError):
            for name in self._names():
                self.store.delete(self.store.uri(f"{self._folder}/{name}"))

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` makes the same of in another process (JSON types); the epochs are not in it."""
        return {
            "store": self.store.to_config(),
            "place": self.place,
            "fingerprint": self.fingerprint,
            "parts": dict(self.parts),
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any], history: History, *, writes: bool = True) -> Checkpoints:
        """Return what `to_json` told of, with a history of this process."""
        store: ArtifactStore = ArtifactStore.from_config(row["store"])
        return cls(store, str(row["place"]), str(row["fingerprint"]), row["parts"], history, writes)

    @property
    def _folder(self) -> str:
        return f"{Checkpoint.__name__}/{self.place}"

    def _names(self) -> list[str]:
        """Return the names of the checkpoints, the newest first."""
        found = self.store.folders(self._folder)
        return sorted((name for name in found if name.startswith(f"{self.place}.{_NAME}")), reverse=True)

    def _whole(self) -> Iterator[StoredArtifact]:
        for name in self._names():
            with contextlib.suppress(StoreError):
                artifact = self.store.open(self.store.uri(f"{self._folder}/{name}"))
                yield artifact

    def _refuse_other(self, known: Mapping[str, Any], uri: str) -> None:
        if known.get("fingerprint", "") == self.fingerprint:
            return
        found = changes(known.get("parts", {}), self.parts)
        mine, other = self.fingerprint[:12], str(known.get("fingerprint", ""))[:12]
        what = f"the checkpoint is of the training {other}, and this is the training {mine}"
        if found:
            what += f": {'; '.join(found)}"
        raise ConfigError(
            what,
            uri,
            "Undo the change to go on from there; or run the pipeline anew, without resume: the training begins at its "
            "first epoch, and the steps before it come from the cache",
        )


def _copy(source: Path, folder: Path) -> None:
    """Copy files into a folder; a published artifact's own manifest is not among them."""
    ignored = shutil.ignore_patterns(manifest.NAME)
    shutil.copytree(source, folder, ignore=ignored, dirs_exist_ok=True)
