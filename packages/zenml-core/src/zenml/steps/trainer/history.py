"""History: what a training recorded of its epochs."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from zenml.errors import DataError

HISTORY_FILE = "history.json"
"""Its name in a model bundle."""

Epoch = dict[str, float | None]
"""The number of an epoch, from 1, as `epoch`, and its metrics by name; None for one that is not a finite number."""


class History:
    """The epochs of a training, in order.

    Args:
        tell: called with all epochs whenever one was added.
    """

    def __init__(self, tell: Callable[[Sequence[Epoch]], None] = lambda _: None) -> None:
        self.epochs: list[Epoch] = []
        self._tell = tell

    def add(self, epoch: int, metrics: Mapping[str, float]) -> Epoch:
        """Add an epoch; it and those after it that are there already are replaced."""
        values = {name: float(value) for name, value in metrics.items()}
        row: Epoch = {"epoch": epoch, **{name: _number(value) for name, value in values.items()}}
        self.take(row)
        return row

    def take(self, row: Epoch) -> None:
        """Add an epoch as it was recorded."""
        epoch = row["epoch"] or 0
        while self.epochs and (self.epochs[-1]["epoch"] or 0) >= epoch:
            self.epochs.pop()
        self.epochs.append(row)
        self._tell(self.epochs)

    def replace(self, epochs: Iterable[Epoch]) -> None:
        """Take these epochs for all that were, as a training does that goes on from a checkpoint."""
        self.epochs = [dict(row) for row in epochs]


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def history_text(epochs: Sequence[Epoch]) -> bytes:
    """Return epochs as `read_history` takes them."""
    return json.dumps({"epochs": list(epochs)}, indent=1, sort_keys=True, allow_nan=False).encode() + b"\n"


def parse_history(data: bytes, where: str = "") -> list[Epoch]:
    """Return the epochs in what `history_text` wrote.

    Raises:
        DataError: it is damaged.
    """
    try:
        rows = json.loads(data)["epochs"]
        return [{str(name): None if value is None else float(value) for name, value in row.items()} for row in rows]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"the history of a training is damaged ({type(error).__name__}: {error})", where) from error


def read_history(bundle: Path) -> list[Epoch]:
    """Return the epochs of the training that made a model bundle; none where its trainer recorded none.

    Raises:
        DataError: they are damaged.
    """
    file = bundle / HISTORY_FILE
    return parse_history(file.read_bytes(), str(file)) if file.exists() else []
