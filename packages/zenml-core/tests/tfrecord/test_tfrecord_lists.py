"""Lists in TFRecord files: features of no, one or many values, and records of any writer."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from google_crc32c import value as crc32c
from hypothesis import given, settings
from hypothesis import strategies as st

from zenml.data.tfrecord import decode, encode_batch
from zenml.data.tfrecord._record import read_record
from zenml.data.tfrecord._wire import columns_of
from zenml.errors import DataError

INT64 = st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 300)
VALUES = {
    pa.int64(): INT64,
    pa.float32(): st.floats(width=32, allow_nan=False),
    pa.float64(): st.floats(width=32, allow_nan=False),
    pa.string(): st.text(max_size=140) | st.sampled_from(["a", ""]),
    pa.binary(): st.binary(max_size=140),
    pa.bool_(): st.booleans(),
    pa.timestamp("us"): INT64,
}


def framed(record: bytes) -> bytes:
    def masked(data: bytes) -> bytes:
        crc = crc32c(data)
        return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)

    length = struct.pack("<Q", len(record))
    return length + masked(length) + record + masked(record)


def number_of(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, data: bytes) -> bytes:
    return bytes([number << 3 | 2]) + number_of(len(data)) + data


def example(*entries: tuple[str, bytes]) -> bytes:
    return field(1, b"".join(field(1, field(1, key.encode()) + field(2, feature)) for key, feature in entries))


def feature(values: list[Any], kind: type) -> bytes:
    if kind is bytes:
        return field(1, b"".join(field(1, value) for value in values))
    if kind is float:
        return field(2, field(1, struct.pack(f"<{len(values)}f", *values)))
    return field(3, field(1, b"".join(number_of(value % 2**64) for value in values)))


@st.composite
def batches(draw: st.DrawFn) -> pa.RecordBatch:
    elements = draw(st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=4))
    names = draw(st.lists(st.text(min_size=1, max_size=140), min_size=len(elements), max_size=9, unique=True))
    rows = draw(st.integers(0, 40))
    columns = {}
    for name, element in zip(names, elements, strict=False):
        length = draw(st.none() | st.integers(1, 5))
        sizes = (0, 6) if length is None else (length, length)
        cells = st.none() | st.lists(VALUES[element], min_size=sizes[0], max_size=sizes[1])
        if draw(st.booleans()):
            columns[name] = pa.array(
                draw(st.lists(cells, min_size=rows, max_size=rows)), pa.list_(element, length or -1)
            )
        else:
            one = st.lists(st.none() | VALUES[element], min_size=rows, max_size=rows)
            columns[name] = pa.array(draw(one), element)
    return pa.record_batch(columns)


@given(batches())
def test_lists_are_decoded_to_the_same(batch: pa.RecordBatch) -> None:
    encoded = encode_batch(batch)
    back = decode(encoded.data, batch.schema)
    back.validate(full=True)
    assert back.combine_chunks().equals(pa.Table.from_batches([batch]).combine_chunks())
    assert encoded.casts == {}
    alone = b"".join(encode_batch(batch.slice(row, 1)).data for row in range(batch.num_rows))
    assert alone == bytes(encoded.data)


def test_a_large_table_of_lists_comes_back() -> None:
    draw = np.random.default_rng(2)
    rows = 20_000
    counts = draw.integers(0, 6, rows) * (draw.random(rows) < 0.8)
    offsets = pa.array(np.concatenate(([0], np.cumsum(counts))), pa.int32())
    missing = pa.array((counts == 0) & (draw.random(rows) < 0.5))
    many = int(counts.sum())
    wide = draw.integers(-(2**62), 2**62, many) >> draw.integers(0, 62, many)
    values = {
        "wide": pa.array(wide),
        "small": pa.array(draw.integers(0, 100, many)),
        "float": pa.array(draw.standard_normal(many).astype(np.float32)),
        "text": pa.array(draw.choice(["", "a", "é" * 90], many)),
    }
    columns = {name: pa.ListArray.from_arrays(offsets, each, mask=missing) for name, each in values.items()}
    vectors = pa.array(draw.standard_normal(8 * rows).astype(np.float32))
    batch = pa.record_batch(
        {**columns, "vector": pa.FixedSizeListArray.from_arrays(vectors, 8), "one": np.arange(rows)}
    )
    back = decode(encode_batch(batch).data, batch.schema)
    assert back.combine_chunks().equals(pa.Table.from_batches([batch]))


def test_lists_with_a_long_tail_come_back() -> None:
    lists = [["x"] * (900 if row == 7 else row % 3) for row in range(100)]
    batch = pa.record_batch({"texts": lists, "numbers": [list(range(len(row))) for row in lists]})
    assert decode(encode_batch(batch).data, batch.schema).to_pylist() == batch.to_pylist()


def test_missing_and_empty_lists_differ() -> None:
    kinds = {"f": pa.float32(), "i": pa.int64(), "s": pa.string()}
    batch = pa.record_batch({name: pa.array([None, [], None], pa.list_(kind)) for name, kind in kinds.items()})
    data = bytes(encode_batch(batch).data)
    empty = example(("f", b"\x12\x00"), ("i", b"\x1a\x00"), ("s", b"\x0a\x00"))
    assert data == framed(b"") + framed(empty) + framed(b"")
    assert decode(data, batch.schema).to_pylist() == batch.to_pylist()


def test_values_missing_inside_of_lists_of_floats_become_nan_and_are_reported() -> None:
    batch = pa.record_batch({"x": [[0.1, None], None]})
    encoded = encode_batch(batch)
    assert encoded.casts == {"x": "float64 rounded to float32, gaps in lists made not-a-number"}
    (first, second) = decode(encoded.data, pa.schema({"x": pa.list_(pa.float32())})).column("x").to_pylist()
    assert second is None
    assert np.array_equal(first, np.float32([0.1, np.nan]), equal_nan=True)


@pytest.mark.parametrize("values", [[[1, None]], [["a", None]], [[b"a", None]]])
def test_other_values_missing_inside_of_lists_are_refused(values: list[Any]) -> None:
    with pytest.raises(DataError, match="column 'x': values are missing inside of its lists"):
        encode_batch(pa.record_batch({"x": values}))


@pytest.mark.parametrize("rows", [3, 40])
def test_lists_of_another_length_than_told_are_refused_with_their_record(rows: int) -> None:
    batch = pa.record_batch({"x": [[1, 2, 3]] * (rows - 1) + [[1, 2]]})
    with pytest.raises(DataError, match=rf"record {rows}, feature 'x': its list has 2 values, but 3 are expected"):
        decode(encode_batch(batch).data, pa.schema({"x": pa.list_(pa.int64(), 3)}))


def test_unpacked_and_split_lists_of_foreign_writers_are_read() -> None:
    unpacked = field(3, b"\x08\x85\x01\x08\x02")
    halves = field(2, field(1, struct.pack("<f", 1)) + field(1, struct.pack("<2f", 2, 3)))
    merged = field(1, field(1, b"a")) + field(1, field(1, b"b"))
    record = framed(example(("f", halves), ("i", unpacked), ("s", merged)))
    usual = framed(example(("f", feature([9.0], float)), ("i", feature([], int)), ("s", feature([], bytes))))
    schema = pa.schema({"f": pa.list_(pa.float32()), "i": pa.list_(pa.int64()), "s": pa.list_(pa.string())})
    for count in (1, 50):
        rows = decode(record * count + usual * count, schema).to_pylist()
        assert rows[0] == {"f": [1.0, 2.0, 3.0], "i": [133, 2], "s": ["a", "b"]}
        assert rows[-1] == {"f": [9.0], "i": [], "s": []}


SCHEMA = pa.schema(
    {
        "f": pa.float32(),
        "fs": pa.list_(pa.float32()),
        "i": pa.int64(),
        "a rather long key of integers": pa.list_(pa.int64()),
        "s": pa.binary(),
        "ss": pa.list_(pa.binary()),
    }
)
FEATURES = {
    "f": st.floats(width=32, allow_nan=False).map(lambda value: feature([value], float)),
    "fs": st.lists(st.floats(width=32, allow_nan=False), max_size=4).map(lambda values: feature(values, float)),
    "i": INT64.map(lambda value: feature([value], int)),
    "a rather long key of integers": st.lists(INT64, max_size=4).map(lambda values: feature(values, int)),
    "s": st.binary(max_size=150).map(lambda value: feature([value], bytes)),
    "ss": st.lists(st.binary(max_size=150), max_size=4).map(lambda values: feature(values, bytes)),
    "another key": st.just(feature([1], int)),
    "a rather long key of integerz": st.just(feature([1, 2], int)),
}


@st.composite
def foreign_records(draw: st.DrawFn) -> list[bytes]:
    made = []
    for _ in range(draw(st.integers(1, 40))):
        names = draw(st.lists(st.sampled_from(list(FEATURES)), unique=draw(st.booleans()), max_size=8))
        made.append(example(*((name, draw(FEATURES[name])) for name in names)))
    return made


@settings(max_examples=60)
@given(foreign_records())
def test_keys_in_any_order_and_among_others_are_read_as_one_by_one(records: list[bytes]) -> None:
    by_key = {column.key: column for column in columns_of(SCHEMA)}
    wanted = []
    for record in records:
        found = read_record(memoryview(record), by_key, "")
        wanted.append({name: found.get(name.encode()) for name in SCHEMA.names})
    assert decode(b"".join(map(framed, records)), SCHEMA).to_pylist() == wanted
