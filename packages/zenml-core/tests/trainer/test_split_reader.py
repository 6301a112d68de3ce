from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from zenml.errors import DataError
from zenml.steps.trainer.reader import SplitReader


def write(folder, *tables):
    folder.mkdir()
    for number, table in enumerate(tables):
        path = str(folder / f"shard-{number:05d}.arrow")
        with pa.OSFile(path, "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table, max_chunksize=2)
    return folder


def table(first: int, rows: int, label: pa.Array | None = None) -> pa.Table:
    ages = np.arange(first, first + rows, dtype=np.float32)
    islands = pa.FixedSizeListArray.from_arrays(pa.array(np.repeat(ages, 2) + [0, 0.5] * rows, pa.float32()), 2)
    codes = pa.array(range(first, first + rows), pa.int64()) if label is None else label
    return pa.table({"age": pa.array(ages), "ill": codes, "island": islands})


def test_shards_make_one_matrix_in_their_order(tmp_path):
    reader = SplitReader(write(tmp_path / "train", table(0, 5), table(5, 3)), ["ill"])
    features, labels = reader.arrays()
    assert features.dtype == np.float32
    assert features.tolist() == [[n, n, n + 0.5] for n in range(8)]
    assert labels["ill"].tolist() == list(range(8))
    assert labels["ill"].dtype == np.int64


def test_a_reader_tells_its_shape(tmp_path):
    reader = SplitReader(write(tmp_path / "train", table(0, 5), table(5, 3)), ["ill"])
    assert (reader.name, reader.rows, reader.width, reader.feature_names) == ("train", 8, 3, ("age", "island"))
    assert [batch.num_rows for batch in reader.batches()] == [2, 2, 1, 2, 1]


def test_matrices_come_batch_by_batch(tmp_path):
    reader = SplitReader(write(tmp_path / "train", table(0, 5), table(5, 3)), ["ill"])
    features, labels = reader.arrays()
    parts = list(reader.matrices())
    assert np.array_equal(np.concatenate([part for part, _ in parts]), features)
    assert np.array_equal(np.concatenate([part["ill"] for _, part in parts]), labels["ill"])


def test_a_missing_label_is_nan(tmp_path):
    reader = SplitReader(write(tmp_path / "train", table(0, 3, pa.array([1, None, 0], pa.int64()))), ["ill"])
    _, labels = reader.arrays()
    assert np.array_equal(labels["ill"], [1, np.nan, 0], equal_nan=True)


def test_a_split_without_shards_is_told(tmp_path):
    (tmp_path / "train").mkdir()
    with pytest.raises(DataError, match="split 'train' has no rows"):
        SplitReader(tmp_path / "train", ["ill"])
