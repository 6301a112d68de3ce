"""data_loader: a split in batches as PyTorch's own `DataLoader`, for loops that want one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, IterableDataset

from zenml.steps.trainer.batches import BatchView


class _Batches(IterableDataset):  # type: ignore[misc] # PyTorch is not followed by the type checker
    """The batches of an epoch as tensors."""

    def __init__(self, view: BatchView, epoch: int) -> None:
        self._view, self._epoch = view, epoch

    def __iter__(self) -> Iterator[Any]:
        for arrays in self._view.epoch(self._epoch):
            yield tuple(torch.from_numpy(array) for array in arrays)

    def __len__(self) -> int:
        return len(self._view)


def data_loader(view: BatchView, epoch: int = 1) -> Any:
    """Return the batches of an epoch as a `DataLoader` of tuples of tensors, which share memory with the arrays.

    Args:
        view: what `SplitReader.batch_view` returned; a thread of its own reads ahead, so no worker processes are used.
        epoch: its number.
    """
    return DataLoader(_Batches(view, epoch), batch_size=None)
