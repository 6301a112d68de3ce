"""Tells: what processes on other machines tell of a training while it goes on, through an artifact store."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any

from zenml.artifacts.store import ArtifactStore
from zenml.errors import StoreError
from zenml.runtime.step_log import StepLog
from zenml.secrets.redaction import redact

OUTPUT = "output"
"""The kind of what a process printed; the others are those of `zenml.runtime.told`."""


class TellWriter:
    """Puts what a machine tells into the store, every two seconds; one that does not answer stops no training.

    Args:
        store: the store.
        folder: the key of a folder for all machines of the training, and for all times that they are started.
        machine: the number of this one.
    """

    def __init__(self, store: ArtifactStore, folder: str, machine: int) -> None:
        self._log = StepLog(store, f"{folder}/{time.time_ns():020d}-{machine:04d}", redact)

    def tell(self, kind: str, value: Any) -> None:
        """Tell one thing (JSON types)."""
        self._log.write(json.dumps([kind, value]) + "\n")

    def flush(self) -> None:
        """Put what is not there yet."""
        self._log.flush()


class TellReader:
    """Reads what machines have told, each thing once.

    Args:
        store: the store.
        folder: as of the `TellWriter`s.
    """

    def __init__(self, store: ArtifactStore, folder: str) -> None:
        self._store = store
        self._folder = folder
        self._read: set[str] = set()

    def new(self) -> Iterator[tuple[str, Any]]:
        """Yield what was told since the last call; nothing while the store does not answer."""
        with contextlib.suppress(StoreError):
            for key in self._store.list(self._folder):
                if key not in self._read:
                    text = self._store.read_bytes(key)
                    self._read.add(key)
                    for line in text.splitlines():
                        kind, value = json.loads(line)
                        yield kind, value
