from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from zenml.steps.trainer.reader import SplitReader
from zenml_tensorflow.dataset import as_dataset, in_blocks

ROWS = 1000


@pytest.fixture
def reader(tmp_path):
    folder = tmp_path / "train"
    folder.mkdir()
    for shard, start in enumerate(range(0, ROWS, 400)):
        rows = np.arange(start, min(start + 400, ROWS))
        batch = pa.record_batch({"x": rows.astype(np.float32), "y": rows})
        with (
            pa.OSFile(str(folder / f"shard-{shard:05d}.arrow"), "wb") as file,
            pa.ipc.new_file(file, batch.schema) as to,
        ):
            to.write_batch(batch)
    return SplitReader(folder, ["y"])


def passes(dataset, count):
    return [[(x.numpy(), y.numpy()) for x, y in dataset] for _ in range(count)]


@pytest.mark.parametrize("size", [7, 64, 1000])
def test_every_pass_gives_every_row_once_in_an_order_of_its_own(reader, size):
    view = reader.batch_view(size, seed=3)
    dataset = as_dataset(view)
    first, second = passes(dataset, 2)
    assert int(dataset.cardinality()) == len(first) == len(view)
    assert {len(y) for _, y in first[:-1]} <= {size}
    orders = [np.concatenate([y for _, y in batches]) for batches in (first, second)]
    assert all(np.array_equal(np.sort(order), np.arange(ROWS)) for order in orders)
    assert not np.array_equal(*orders)
    assert all(np.array_equal(x[:, 0], y) for x, y in first)
    expected = [y for _, y in reader.batch_view(size, seed=3).epoch(2)]
    assert all(np.array_equal(y, wanted) for (_, y), wanted in zip(second, expected, strict=True))


def test_an_epoch_may_be_asked_for_and_rows_without_seed_keep_their_order(reader):
    (third,) = passes(as_dataset(reader.batch_view(100, seed=3), epoch=3), 1)
    expected = [y for _, y in reader.batch_view(100, seed=3).epoch(3)]
    assert all(np.array_equal(y, wanted) for (_, y), wanted in zip(third, expected, strict=True))
    (plain,) = passes(as_dataset(reader.batch_view(300)), 1)
    assert np.array_equal(np.concatenate([y for _, y in plain]), np.arange(ROWS))


def test_blocks_join_batches_and_keep_the_rest():
    batches = [(np.array([number]),) for number in range(5)]
    assert [array.tolist() for (array,) in in_blocks(batches, 2)] == [[0, 1], [2, 3], [4]]
