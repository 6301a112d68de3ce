"""Rows as `tf.data`: a dataset over the batches of a split, which are slices of memory-mapped Arrow files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from zenml.steps.trainer.batches import Arrays, BatchView

Structure = Callable[[Arrays], Any]
"""Makes of the arrays of a batch what a model is trained on, such as `(features, targets)`."""

BLOCK_ROWS = 16_384
"""About how many rows cross from NumPy to TensorFlow at once; small batches are cut there, where that costs less."""

_AHEAD = 2


def as_dataset(view: BatchView, epoch: int = 1) -> Any:
    """Return the batches of an epoch as a `tf.data.Dataset` of (features, targets…), read ahead while they are used.

    Args:
        view: the batches, as `SplitReader.batch_view` gives them: shuffled across the shards if it has a seed.
        epoch: the first pass is this epoch; each further pass over the dataset is the one after.
    """
    import tensorflow as tf

    passes = iter(range(epoch, 2**62))
    first = next(iter(view.epoch(epoch)))
    dataset, _ = batched(lambda: view.epoch(next(passes)), first, view.batch_size, lambda arrays: arrays)
    return dataset.apply(tf.data.experimental.assert_cardinality(len(view)))


def batched(batches: Callable[[], Iterable[Arrays]], like: Arrays, size: int, structure: Structure) -> tuple[Any, Any]:
    """Return a dataset of batches, and a list that an error goes into that ended a pass over it.

    Args:
        batches: called at each pass.
        like: some batch.
        size: rows of a batch.
        structure: what of a batch's arrays becomes what in the dataset's elements.
    """
    import tensorflow as tf

    failures: list[BaseException] = []
    kinds = [(array.dtype, (None, *array.shape[1:])) for array in like]
    signature = tuple(tf.TensorSpec(shape, kind) for kind, shape in kinds)

    def blocks() -> Iterator[Arrays]:
        try:
            yield from in_blocks(batches(), max(1, BLOCK_ROWS // size))
        except Exception as error:  # TensorFlow would pass on its text alone
            failures.append(error)
            raise

    dataset = tf.data.Dataset.from_generator(blocks, output_signature=signature)
    dataset = dataset.prefetch(_AHEAD).rebatch(size).map(lambda *arrays: structure(arrays))
    options = tf.data.Options()
    options.deterministic = True
    return dataset.prefetch(_AHEAD).with_options(options), failures


def in_blocks(batches: Iterable[Arrays], count: int) -> Iterator[Arrays]:
    """Yield `count` batches at a time as one, and what is left at the end."""
    held: list[Arrays] = []
    for arrays in batches:
        held.append(arrays)
        if len(held) == count:
            yield _joined(held)
            held = []
    if held:
        yield _joined(held)


def _joined(held: list[Arrays]) -> Arrays:
    if len(held) == 1:
        return held[0]
    return tuple(np.concatenate(parts) for parts in zip(*held, strict=True))
