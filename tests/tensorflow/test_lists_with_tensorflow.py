"""Lists in TFRecord files against TensorFlow's own writer and parser, in both directions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from zenml.data.tfrecord import decode_file, encode_batch

tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed in this environment")

ROWS = 500
KINDS = {"integers": tf.int64, "floats": tf.float32, "texts": tf.string, "vector": tf.float32, "pair": tf.int64}


@pytest.fixture(scope="module")
def batch() -> pa.RecordBatch:
    """All three kinds of feature, in lists of any length and of fixed ones, some of them missing and some empty."""
    draw = np.random.default_rng(11)
    counts = draw.integers(0, 5, ROWS)
    wide = draw.integers(-(2**63), 2**63, int(counts.sum())) >> draw.integers(0, 64, int(counts.sum()))
    texts = draw.choice([b"", b"a", b"\xff\x00", "Zürich".encode(), b"x" * 200], int(counts.sum())).tolist()
    floats = draw.standard_normal(int(counts.sum())).astype(np.float32)
    ends = np.concatenate(([0], np.cumsum(counts)))

    def lists(values: Any) -> list[Any]:
        gone = draw.random(ROWS) < 0.1
        gone[3] = True
        return [None if gone[row] else list(values[ends[row] : ends[row + 1]]) for row in range(ROWS)]

    return pa.record_batch(
        {
            "integers": pa.array(lists(wide.tolist()), pa.list_(pa.int64())),
            "floats": pa.array(lists(floats.tolist()), pa.list_(pa.float32())),
            "texts": pa.array(lists(texts), pa.list_(pa.binary())),
            "vector": pa.array(draw.standard_normal((ROWS, 4)).tolist(), pa.list_(pa.float32(), 4)),
            "pair": pa.array(draw.integers(-3, 300, (ROWS, 2)).tolist(), pa.list_(pa.int64(), 2)),
            "one": pa.array(draw.integers(0, 9, ROWS)),
        }
    )


@pytest.fixture
def path(batch: pa.RecordBatch, tmp_path: Path) -> Path:
    path = tmp_path / "ours.tfrecord"
    path.write_bytes(encode_batch(batch).data)
    return path


def example_of(row: dict[str, Any], names: list[str]) -> Any:
    """Return a row as TensorFlow's own message; an empty list is a feature whose list is there and has no value."""
    example = tf.train.Example()
    for name in names:
        value = row[name]
        if value is None:
            continue
        values = value if isinstance(value, list) else [value]
        feature = example.features.feature[name]
        if KINDS.get(name) is tf.string:
            feature.bytes_list.SetInParent()
            feature.bytes_list.value.extend(values)
        elif KINDS.get(name) is tf.float32:
            feature.float_list.SetInParent()
            feature.float_list.value.extend(values)
        else:
            feature.int64_list.SetInParent()
            feature.int64_list.value.extend(values)
    return example


def size(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, data: bytes) -> bytes:
    return bytes([number << 3 | 2]) + size(len(data)) + data


def unpacked(row: dict[str, Any]) -> bytes:
    """Return the integers and floats of a row with a field of its own for each value, as old writers do."""

    body = b""
    for name, tag in (("floats", 2), ("integers", 3)):
        if row[name] is not None:
            if tag == 2:
                values = b"".join(b"\x0d" + np.float32(value).tobytes() for value in row[name])
            else:
                values = b"".join(b"\x08" + size(value % 2**64) for value in row[name])
            body += field(1, field(1, name.encode()) + field(2, field(tag, values)))
    return field(1, body)


def test_our_lists_equal_tensorflows_deterministic_serialisation(batch: pa.RecordBatch, path: Path) -> None:
    records = [record.numpy() for record in tf.data.TFRecordDataset([str(path)])]
    wanted = [example_of(row, batch.schema.names).SerializeToString(deterministic=True) for row in batch.to_pylist()]
    assert records == wanted


def test_tensorflow_parses_our_lists_to_the_same_values(batch: pa.RecordBatch, path: Path) -> None:
    (serialised,) = list(tf.data.TFRecordDataset([str(path)]).batch(ROWS))
    some = {name: tf.io.VarLenFeature(KINDS[name]) for name in ("integers", "floats", "texts")}
    ragged = {name: tf.io.RaggedFeature(KINDS[name]) for name in ("integers", "floats", "texts")}
    fixed = {name: tf.io.FixedLenFeature([size], KINDS[name]) for name, size in (("vector", 4), ("pair", 2))}
    sparse = tf.io.parse_example(serialised, some)
    rows = tf.io.parse_example(serialised, ragged)
    dense = tf.io.parse_example(serialised, {**fixed, "one": tf.io.FixedLenFeature([], tf.int64)})
    for name in some:
        # TensorFlow knows no difference between a missing feature and one without values.
        wanted = [value or [] for value in batch.column(name).to_pylist()]
        assert rows[name].to_list() == wanted
        assert sparse[name].values.numpy().tolist() == [value for row in wanted for value in row]
    for name in dense:
        assert dense[name].numpy().tolist() == batch.column(name).to_pylist()


@pytest.mark.parametrize("deterministic", [True, False])
@pytest.mark.parametrize("order", ["sorted", "reversed", "any"])
def test_we_read_the_lists_that_tensorflow_writes(
    batch: pa.RecordBatch, tmp_path: Path, *, deterministic: bool, order: str
) -> None:
    path = tmp_path / "theirs.tfrecord"
    draw = np.random.default_rng(5)
    names = sorted(batch.schema.names)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for row in batch.to_pylist():
            if order == "reversed":
                names = sorted(names, reverse=True)
            elif order == "any":
                draw.shuffle(names)
            record = example_of(row, names).SerializeToString(deterministic=deterministic)
            if order == "any":
                # TensorFlow chooses an order of its own; entries that it serialised one by one keep ours.
                parts = [example_of(row, [name]).features.SerializeToString() for name in names]
                record = field(1, b"".join(parts))
                assert tf.train.Example.FromString(record) == example_of(row, names)
            writer.write(record)
    assert decode_file(path, batch.schema).combine_chunks().equals(pa.Table.from_batches([batch]))
    some = pa.schema([field for field in batch.schema if field.name in ("texts", "one")])
    assert decode_file(path, some).combine_chunks().equals(pa.Table.from_batches([batch.select(["texts", "one"])]))


def test_we_read_values_that_are_not_packed(batch: pa.RecordBatch, tmp_path: Path) -> None:
    path = tmp_path / "unpacked.tfrecord"
    rows = batch.to_pylist()
    with tf.io.TFRecordWriter(str(path)) as writer:
        for row in rows:
            record = unpacked(row)
            parsed = tf.train.Example.FromString(record).features.feature
            assert list(parsed["integers"].int64_list.value) == (row["integers"] or [])
            writer.write(record)
    names = ["integers", "floats"]
    found = decode_file(path, pa.schema([batch.schema.field(name) for name in names])).to_pylist()
    assert found == [{name: row[name] for name in names} for row in rows]
