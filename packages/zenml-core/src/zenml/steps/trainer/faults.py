"""Faults of a training, said as a user can mend them: a loss that is no number, and memory that ran out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from zenml.errors import ConfigError, DataError
from zenml.steps.trainer.reader import SplitReader

_LARGE = 1e4
_SHOWN = 5
_WORDS = ("out of memory", "not enough memory", "failed to allocate", "oom when allocating", "allocate memory")


def loss_is_no_number(epoch: int, reader: SplitReader, where: str) -> DataError:
    """Return the error that the loss of an epoch is not a finite number, with the features that are likely to blame.

    Args:
        epoch: the number of the epoch, from 1.
        reader: the split that was trained on.
        where: the trainer.
    """
    broken, largest = _suspects(reader)
    what = f"the loss of epoch {epoch} is not a finite number"
    if broken:
        what += f"; features hold values that are none: {', '.join(broken[:_SHOWN])}"
        return DataError(what, where, "Fill them in the preprocesser, or leave these features out")
    large = [f"{name} (up to {value:.3g})" for name, value in largest if value > _LARGE]
    if large:
        what += f"; features hold very large values: {', '.join(large[:_SHOWN])}"
        return DataError(what, where, "Scale them in the preprocesser (scale_to_z_score), or lower lr")
    told = ", ".join(f"{name} (up to {value:.3g})" for name, value in largest[:_SHOWN])
    what += f"; every feature is finite, the largest are: {told}"
    return DataError(what, where, "Lower lr, or take another loss or activation")


def _suspects(reader: SplitReader) -> tuple[list[str], list[tuple[str, float]]]:
    """Return the features with values that are not finite, and all others with their largest magnitude, descending."""
    names = reader.column_names()
    largest, finite = np.zeros(reader.width), np.ones(reader.width, np.bool_)
    for matrix, _ in reader.matrices():
        good = np.isfinite(matrix)
        finite &= good.all(axis=0)
        if len(matrix):
            np.maximum(largest, np.abs(np.where(good, matrix, 0)).max(axis=0), out=largest)
    broken = list(dict.fromkeys(name for name, ok in zip(names, finite, strict=True) if not ok))
    by_name: dict[str, float] = {}
    for name, value in zip(names, largest.tolist(), strict=True):
        by_name[name] = max(value, by_name.get(name, 0.0))
    return broken, sorted(by_name.items(), key=lambda row: -row[1])


@contextmanager
def memory_watched(batch_size: int, where: str, kinds: Sequence[type[BaseException]] = ()) -> Iterator[None]:
    """Say with the batch size that memory ran out while the context is open.

    Args:
        batch_size: rows in a batch.
        where: the trainer.
        kinds: what the framework raises then, and only then; messages of other errors are read.

    Raises:
        ConfigError: memory ran out.
    """
    try:
        yield
    except Exception as error:
        text = str(error).lower()
        told = isinstance(error, RuntimeError) and any(word in text for word in _WORDS)
        if told or isinstance(error, (MemoryError, *kinds)):
            what = f"memory ran out while training with batch_size={batch_size}"
            first = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ConfigError(f"{what} ({first})", where, "Take a smaller batch_size, or smaller layers") from error
        raise
