"""The TFRecord codec against TensorFlow's own writer, reader and parser, in both directions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from zenml.data.tfrecord import decode_file, encode_batch

tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed in this environment")

ROWS = 700


@pytest.fixture(scope="module")
def batch() -> pa.RecordBatch:
    """All three kinds of feature, with missing values, small and large numbers, and one row with nothing at all."""
    draw = np.random.default_rng(7)
    wide = (draw.integers(-(2**63), 2**63, ROWS) >> draw.integers(0, 64, ROWS)).tolist()
    blobs = [bytes(draw.integers(0, 256, int(size)).tolist()) for size in draw.integers(0, 9, ROWS)]
    columns = {
        "integer": (wide, pa.int64()),
        "flag": ((draw.random(ROWS) < 0.5).tolist(), pa.bool_()),
        "number": (draw.standard_normal(ROWS).tolist(), pa.float64()),
        "single": ([*draw.standard_normal(ROWS - 4).tolist(), math.inf, -math.inf, math.nan, -0.0], pa.float32()),
        "category": (draw.choice(["", "a", "Zürich"], ROWS).tolist(), pa.utf8()),
        "text": (["é" * int(size) for size in draw.integers(0, 300, ROWS)], pa.utf8()),
        "bytes": (blobs, pa.binary()),
        "time": (draw.integers(-(2**50), 2**50, ROWS).tolist(), pa.timestamp("us")),
        "k" * 130: (draw.integers(0, 9, ROWS).tolist(), pa.int64()),
    }
    arrays = {}
    for name, (values, kind) in columns.items():
        missing = draw.random(ROWS) < 0.1
        missing[3] = True
        arrays[name] = pa.array([None if gone else value for gone, value in zip(missing, values, strict=True)], kind)
    return pa.record_batch(arrays)


def stored(value: Any) -> Any:
    """Return a cell as tf.Example holds it."""
    return value.encode() if isinstance(value, str) else value


def cells(batch: pa.RecordBatch) -> Iterator[dict[str, Any]]:
    raw = batch.set_column(batch.schema.get_field_index("time"), "time", batch.column("time").cast(pa.int64()))
    for row in raw.to_pylist():
        yield {name: stored(value) for name, value in row.items() if value is not None}


def example_of(row: dict[str, Any]) -> Any:
    example = tf.train.Example()
    for name, value in row.items():
        feature = example.features.feature[name]
        if isinstance(value, bytes):
            feature.bytes_list.value.append(value)
        elif isinstance(value, float):
            feature.float_list.value.append(value)
        else:
            feature.int64_list.value.append(int(value))
    return example


@pytest.fixture
def folder(batch: pa.RecordBatch, tmp_path: Path) -> Path:
    """The TFRecord folder of a snapshot with one split of three shards."""
    split = tmp_path / "tfrecord" / "train"
    split.mkdir(parents=True)
    for number, start in enumerate(range(0, ROWS, 300)):
        path = split / f"shard-{number:05d}.tfrecord"
        path.write_bytes(encode_batch(batch.slice(start, 300)).data)
    return split


def test_our_records_equal_tensorflows_deterministic_serialisation(batch: pa.RecordBatch, folder: Path) -> None:
    files = sorted(map(str, folder.iterdir()))
    records = [record.numpy() for record in tf.data.TFRecordDataset(files)]
    assert records == [example_of(row).SerializeToString(deterministic=True) for row in cells(batch)]


def test_tensorflow_parses_our_records_to_the_same_values(batch: pa.RecordBatch, folder: Path) -> None:
    kinds = {"number": tf.float32, "single": tf.float32, "category": tf.string, "text": tf.string, "bytes": tf.string}
    spec = {name: tf.io.VarLenFeature(kinds.get(name, tf.int64)) for name in batch.schema.names}
    dataset = tf.data.TFRecordDataset(sorted(map(str, folder.iterdir()))).batch(ROWS)
    (serialised,) = list(dataset)
    parsed = tf.io.parse_example(serialised, spec)
    wanted = list(cells(batch))
    for name, sparse in parsed.items():
        found = dict(zip(sparse.indices.numpy()[:, 0].tolist(), sparse.values.numpy().tolist(), strict=True))
        values = {row: value[name] for row, value in enumerate(wanted) if name in value}
        assert found.keys() == values.keys()
        if kinds.get(name) is tf.float32:
            assert np.array_equal(list(found.values()), np.float32(list(values.values())), equal_nan=True)
        else:
            assert found == values


def test_missing_values_take_the_default_of_a_fixed_length_feature(batch: pa.RecordBatch, folder: Path) -> None:
    spec = {"number": tf.io.FixedLenFeature([], tf.float32, default_value=-1.0)}
    dataset = tf.data.TFRecordDataset(sorted(map(str, folder.iterdir()))).batch(ROWS)
    (serialised,) = list(dataset)
    found = tf.io.parse_example(serialised, spec)["number"].numpy()
    assert np.array_equal(found, np.float32(batch.column("number").fill_null(-1.0).to_numpy()))


@pytest.mark.parametrize("deterministic", [True, False])
@pytest.mark.parametrize("reverse", [False, True])
def test_we_read_what_tensorflow_writes(
    batch: pa.RecordBatch, tmp_path: Path, *, deterministic: bool, reverse: bool
) -> None:
    path = tmp_path / "foreign.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for row in cells(batch):
            ordered = dict(reversed(row.items())) if reverse else row
            writer.write(example_of(ordered).SerializeToString(deterministic=deterministic))
    place = batch.schema.get_field_index("number")
    rounded = batch.set_column(place, "number", batch.column("number").cast(pa.float32()).cast(pa.float64()))
    back = decode_file(path, batch.schema)
    for name in batch.schema.names:
        found, wanted = back[name].combine_chunks(), rounded.column(name)
        assert found.is_valid().equals(wanted.is_valid())
        if pa.types.is_floating(wanted.type):
            assert np.array_equal(found.drop_null().to_numpy(), wanted.drop_null().to_numpy(), equal_nan=True)
        else:
            assert found.equals(wanted)


def test_tables_of_floats_go_both_ways(tmp_path: Path) -> None:
    values = np.random.default_rng(3).standard_normal((9, 500)).astype(np.float32)
    table = pa.record_batch({f"feature {number}": column for number, column in enumerate(values)})
    ours, theirs = tmp_path / "ours.tfrecord", tmp_path / "theirs.tfrecord"
    ours.write_bytes(encode_batch(table).data)
    with tf.io.TFRecordWriter(str(theirs)) as writer:
        for row in table.to_pylist():
            writer.write(example_of(row).SerializeToString(deterministic=True))
    assert ours.read_bytes() == theirs.read_bytes()
    assert decode_file(theirs, table.schema).equals(pa.Table.from_batches([table]))
