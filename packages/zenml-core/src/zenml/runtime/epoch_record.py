"""EpochRecord: the epochs of a training that goes on, recorded so that others can watch them."""

from __future__ import annotations

import time
from collections.abc import Sequence

from zenml.artifacts.store import ArtifactStore
from zenml.errors import StoreError
from zenml.metadata.store import AttemptEnded, MetadataStore
from zenml.steps.trainer.history import Epoch, history_text, parse_history

RECORD_SECONDS = 2.0
"""Epochs are recorded at most so often, and at the end."""


class EpochRecord:
    """Writes the newest epoch's metrics to the run's record, and all epochs to a file in the artifact store.

    A store that does not answer stops no training.

    Args:
        metadata: where the run is recorded.
        store: the run's artifact store.
        run: the run's id.
        step: the step's id.
    """

    def __init__(self, metadata: MetadataStore, store: ArtifactStore, run: str, step: str) -> None:
        self._metadata, self._store, self._run, self._step = metadata, store, run, step
        self._waiting: Sequence[Epoch] = ()
        self._written = 0.0

    def __call__(self, epochs: Sequence[Epoch]) -> None:
        """Take all epochs so far."""
        self._waiting = epochs
        if time.monotonic() - self._written >= RECORD_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Record what is not recorded yet.

        Raises:
            AttemptEnded: another process took the run over.
        """
        epochs, self._waiting = self._waiting, ()
        if not epochs:
            return
        metrics = {name: value for name, value in epochs[-1].items() if value is not None}
        try:
            self._metadata.record_metrics(self._run, self._step, metrics)
            self._store.write_bytes(history_key(self._run, self._step), history_text(epochs))
        except AttemptEnded:
            raise
        except StoreError:
            pass  # the next epoch may reach it
        self._written = time.monotonic()


def history_key(run: str, step: str) -> str:
    """Return the key of the file with the epochs of a step."""
    return f"runs/{run}/history/{step}.json"


def recorded_history(store: ArtifactStore, run: str, step: str) -> list[Epoch]:
    """Return the epochs that a step of a run recorded; none where it recorded none."""
    key = history_key(run, step)
    try:
        return parse_history(store.read_bytes(key), store.uri(key)) if store.has(key) else []
    except FileNotFoundError:  # removed meanwhile
        return []
