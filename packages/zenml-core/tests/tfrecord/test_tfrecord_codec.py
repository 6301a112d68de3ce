"""The TFRecord codec: what it writes, what it reads back, and what it refuses."""

from __future__ import annotations

import struct

import numpy as np
import pyarrow as pa
import pytest
from google_crc32c import value as crc32c
from hypothesis import given, settings
from hypothesis import strategies as st

from zenml.data.tfrecord import decode, decode_file, encode_batch
from zenml.errors import DataError

INT64 = st.integers(-(2**63), 2**63 - 1)
VALUES = {
    pa.int64(): INT64 | st.integers(-3, 3),
    pa.int8(): st.integers(-128, 127),
    pa.bool_(): st.booleans(),
    pa.float32(): st.floats(width=32, allow_nan=False),
    pa.float64(): st.floats(width=32, allow_nan=False),
    pa.string(): st.text(max_size=200) | st.sampled_from(["a", "b"]),
    pa.binary(): st.binary(max_size=300),
    pa.timestamp("us"): INT64,
}


def mask(crc: int) -> int:
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def framed(record: bytes) -> bytes:
    length = struct.pack("<Q", len(record))
    return length + struct.pack("<I", mask(crc32c(length))) + record + struct.pack("<I", mask(crc32c(record)))


def field(number: int, data: bytes) -> bytes:
    return bytes([number << 3 | 2]) + number_of(len(data)) + data


def number_of(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def example(*entries: tuple[str, bytes]) -> bytes:
    return field(1, b"".join(field(1, field(1, key.encode()) + field(2, feature)) for key, feature in entries))


def floats(*values: float) -> bytes:
    return field(2, field(1, struct.pack(f"<{len(values)}f", *values)))


def integers(*values: int) -> bytes:
    return field(3, field(1, b"".join(number_of(value % 2**64) for value in values)))


def strings(*values: bytes) -> bytes:
    return field(1, b"".join(field(1, value) for value in values))


def table(data: bytes, **types: pa.DataType) -> list[dict[str, object]]:
    return decode(data, pa.schema(list(types.items()))).to_pylist()


@st.composite
def batches(draw: st.DrawFn) -> pa.RecordBatch:
    types = draw(st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=6))
    names = draw(st.lists(st.text(min_size=1, max_size=140), min_size=len(types), max_size=len(types), unique=True))
    rows = draw(st.integers(0, 30))
    nulls = draw(st.booleans())
    columns = {}
    for name, kind in zip(names, types, strict=True):
        cells = st.none() | VALUES[kind] if nulls else VALUES[kind]
        columns[name] = pa.array(draw(st.lists(cells, min_size=rows, max_size=rows)), kind)
    return pa.record_batch(columns)


@settings(deadline=None)
@given(batches())
def test_what_is_encoded_is_decoded_to_the_same(batch: pa.RecordBatch) -> None:
    encoded = encode_batch(batch)
    back = decode(encoded.data, batch.schema)
    assert back.equals(pa.Table.from_batches([batch]))
    assert encoded.casts == {}


@pytest.mark.parametrize("numbers", [[2**63 - 1], [-(2**63)], [2**63 - 1, -(2**63), 0], [2**56 - 1, 2**56, 2**62, -1]])
def test_the_largest_and_smallest_integers_come_back(numbers: list[int]) -> None:
    batch = pa.record_batch({"a": numbers})
    assert decode(encode_batch(batch).data, batch.schema).to_pylist() == batch.to_pylist()


def test_rows_without_any_value_are_empty_records() -> None:
    batch = pa.record_batch({"a": pa.nulls(2, pa.int64()), "b": pa.nulls(2, pa.utf8())})
    data = bytes(encode_batch(batch).data)
    assert data == framed(b"") * 2
    assert decode(data, batch.schema).to_pylist() == batch.to_pylist()


@pytest.mark.parametrize("columns", [1, 5, 60])
def test_tables_of_numbers_come_back_whatever_room_their_integers_take(columns: int) -> None:
    draw = np.random.default_rng(4)
    rows = 9000
    kinds = [
        (draw.integers(-9, 0, rows), pa.int64()),
        (draw.random(rows) < 0.5, pa.bool_()),
        (draw.integers(2**14, 2**20, rows), pa.int32()),
        (draw.standard_normal(rows), pa.float32()),
        (draw.integers(2**49, 2**55, rows), pa.timestamp("us")),
    ]
    arrays = {f"{number}": pa.array(*kinds[number % 5]) for number in range(columns)}
    batch = pa.record_batch(arrays)
    assert decode(encode_batch(batch).data, batch.schema).equals(pa.Table.from_batches([batch]))
    last = {**arrays, "0": pa.concat_arrays([arrays["0"][:-1], pa.array([5], arrays["0"].type)])}
    uneven = pa.record_batch(last)
    assert decode(encode_batch(uneven).data, batch.schema).equals(pa.Table.from_batches([uneven]))
    both = b"".join((encode_batch(batch).data, encode_batch(uneven).data))
    assert decode(both, batch.schema).combine_chunks().equals(pa.Table.from_batches([batch, uneven]).combine_chunks())


@pytest.mark.parametrize("rows", [1, 5, 20_000])
@pytest.mark.parametrize("columns", [1, 9, 60])
def test_tables_of_floats_come_back_from_any_number_of_blocks(rows: int, columns: int) -> None:
    if rows * columns > 200_000:
        rows = 200_000 // columns
    values = np.random.default_rng(0).standard_normal((columns, rows)).astype(np.float32)
    values[:, 0] = [np.nan, np.inf, -0.0][rows % 3]
    batch = pa.record_batch({f"feature {number}": values[number] for number in range(columns)})
    back = decode(encode_batch(batch).data, batch.schema)
    assert np.array_equal(np.column_stack(back.columns).T.view(np.uint32), values.view(np.uint32))


def test_a_large_mixed_table_comes_back() -> None:
    draw = np.random.default_rng(1)
    rows = 40_000
    wide = draw.integers(-(2**62), 2**62, rows) >> draw.integers(0, 62, rows)
    batch = pa.record_batch(
        {
            "wide": pa.array(wide, mask=draw.random(rows) < 0.1),
            "narrow": draw.integers(0, 12, rows),
            "flag": pa.array(draw.random(rows) < 0.5, mask=draw.random(rows) < 0.5),
            "category": pa.array(draw.choice(["a", "", "é" * 90], rows), mask=draw.random(rows) < 0.1),
            "text": pa.array(["x" * int(size) for size in draw.integers(0, 400, rows)]),
            "number": pa.array(draw.standard_normal(rows).astype(np.float32), mask=draw.random(rows) < 0.1),
            "nothing": pa.nulls(rows, pa.string()),
            "no number": pa.nulls(rows, pa.int64()),
        }
    )
    data = encode_batch(batch).data
    assert decode(data, batch.schema).combine_chunks().equals(pa.Table.from_batches([batch]))


def test_rows_encoded_one_by_one_give_the_same_bytes_as_together() -> None:
    batch = pa.record_batch({"b": ["x", None, "z" * 300], "a": [1, -1, None], "c": [0.5, None, 1.0]})
    alone = b"".join(encode_batch(batch.slice(row, 1)).data for row in range(3))
    assert alone == bytes(encode_batch(batch).data)


def test_records_are_serialised_with_sorted_keys_and_nulls_left_out() -> None:
    batch = pa.record_batch({"b": pa.array([7, None]), "a": pa.array(["x", None])})
    wanted = example(("a", strings(b"x")), ("b", integers(7)))
    assert bytes(encode_batch(batch).data) == framed(wanted) + framed(b"")


def test_sliced_batches_and_other_arrow_types_are_encoded_by_value() -> None:
    batch = pa.record_batch(
        {
            "large": pa.array(["a", "b", "c"], pa.large_string()),
            "half": pa.array([1, 2, 3], pa.float16()),
            "small": pa.array([1, 2, 3], pa.uint8()),
            "time": pa.array([1, 2, 3], pa.timestamp("s")),
        }
    ).slice(1)
    back = decode(encode_batch(batch).data, batch.schema)
    assert back.equals(pa.Table.from_batches([batch]))


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (pa.array([16777217.0, 1.0]), "float64 rounded to float32"),
        (pa.array([1e300, None]), "float64 rounded to float32, values beyond its range made infinite"),
        (pa.array([1001, None], pa.timestamp("ns")), "timestamps cut to microseconds"),
        (pa.array([0.5, float("nan")]), None),
        (pa.array([1000, None], pa.timestamp("ns")), None),
    ],
)
def test_lossy_casts_are_reported(column: pa.Array, said: str | None) -> None:
    encoded = encode_batch(pa.record_batch({"x": column}))
    assert encoded.casts == ({"x": said} if said else {})


def test_types_that_an_example_cannot_hold_are_refused_all_at_once() -> None:
    batch = pa.record_batch({"a": [[[1]]], "b": pa.array([1], pa.decimal128(3)), "c": [1]})
    with pytest.raises(DataError, match=r"column 'a'(.|\n)*column 'b'") as caught:
        encode_batch(batch)
    assert len(caught.value.problems) == 2


def test_duplicate_names_and_integers_beyond_int64_are_refused() -> None:
    with pytest.raises(DataError, match="two columns have this name"):
        encode_batch(pa.RecordBatch.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"]))
    with pytest.raises(DataError, match="column 'a': an integer is beyond int64"):
        encode_batch(pa.record_batch({"a": pa.array([2**64 - 1], pa.uint64())}))


def test_foreign_records_are_read_whatever_the_order_of_their_keys() -> None:
    entries = [("a", integers(1)), ("b", strings(b"x")), ("c", floats(0.5)), ("d", strings(b"left out"))]
    records = [example(*entries), example(*reversed(entries)), example(("c", floats(1.5))), b"", field(1, b"")]
    rows = table(b"".join(map(framed, records)), c=pa.float32(), a=pa.int64(), b=pa.string())
    first = {"a": 1, "b": "x", "c": 0.5}
    nothing = {"a": None, "b": None, "c": None}
    assert rows == [first, first, {**nothing, "c": 1.5}, nothing, nothing]


def test_long_keys_are_read_whatever_is_missing() -> None:
    key = "k" * 200
    numbers = pa.array([0.5, None, 1.5], pa.float32())
    batch = pa.record_batch(
        {key: [1, None, -1], key + "f": numbers, key[:100]: [None, 1, 2], key + "s": ["x", None, ""]}
    )
    assert decode(encode_batch(batch).data, batch.schema).to_pylist() == batch.to_pylist()


@pytest.mark.parametrize("feature", [floats(1.0), integers(2**40), strings(b"abcdef")])
def test_values_that_go_beyond_their_record_are_refused(feature: bytes) -> None:
    entry = field(1, field(1, b"a") + field(2, feature))[:-2]
    data = framed(example(("a", feature))) + framed(field(1, entry)) + framed(example(("b", integers(1))))
    for kind in (pa.float32(), pa.int64(), pa.binary()):
        with pytest.raises(DataError, match=r"record [12]"):
            table(data, a=kind, b=pa.int64())


def test_foreign_encodings_of_one_value_are_read() -> None:
    unpacked_integer = field(3, b"\x08\x85\x01")
    unpacked_float = field(2, b"\x0d" + struct.pack("<f", 2.5))
    unknown_fields = b"\x18\x01" + b"\x21" + bytes(8) + b"\x2d" + bytes(4)
    record = example(("a", unpacked_integer), ("f", unpacked_float), ("none", b""), ("z", integers(1))) + unknown_fields
    repeated = example(("z", integers(1)), ("z", integers(-2)))
    rows = table(framed(record) + framed(repeated), a=pa.int64(), f=pa.float32(), none=pa.string(), z=pa.int64())
    assert rows == [{"a": 133, "f": 2.5, "none": None, "z": 1}, {"a": None, "f": None, "none": None, "z": -2}]


@pytest.mark.parametrize(
    ("feature", "said"),
    [
        (floats(1.0), "kind float, but int64 is expected"),
        (integers(1, 2), "a list of 2 values"),
        (field(3, b""), "a list of 0 values"),
        (field(3, field(1, b"\xff" * 11)), "longer than ten bytes"),
        (field(3, field(1, b"\xff")), "cut off"),
        (b"\x1a\x7f\x0a", "goes beyond the end"),
        (b"\x1b", "wire type 3"),
    ],
)
def test_features_that_are_not_one_value_of_the_right_kind_are_refused(feature: bytes, said: str) -> None:
    data = framed(example(("a", integers(1)))) + framed(example(("a", feature)))
    with pytest.raises(DataError, match=rf"TFRecord data, record 2\b.*{said}"):
        table(data, a=pa.int64())


def test_a_list_of_floats_that_is_cut_off_is_refused() -> None:
    with pytest.raises(DataError, match="a list of floats is cut off"):
        table(framed(example(("a", field(2, field(1, b"123"))))), a=pa.float32())


def test_values_that_do_not_fit_their_type_are_refused() -> None:
    with pytest.raises(DataError, match="feature 'a': a value does not fit type int8"):
        table(framed(example(("a", integers(300)))), a=pa.int8())
    with pytest.raises(DataError, match="feature 'a': a value does not fit type string"):
        table(framed(example(("a", strings(b"\xff")))), a=pa.string())


def damaged(at: int) -> bytes:
    data = bytearray(framed(example(("a", integers(1)))) * 3)
    data[at] ^= 0x10
    return bytes(data)


SIZE = len(framed(example(("a", integers(1)))))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (damaged(SIZE), "record 2: the checksum of the record's length"),
        (damaged(SIZE + 7), "record 2: the checksum of the record's length"),
        (damaged(SIZE + 9), "record 2: the checksum of the record's length"),
        (damaged(SIZE + 20), "record 2: the checksum of the record does not match"),
        (damaged(2 * SIZE - 1), "record 2: the checksum of the record does not match"),
        (damaged(0)[SIZE - 1 :], "record 1: the checksum"),
        (framed(b"") * 2 + framed(b"x" * 9)[:-1], "record 3: the file ends within the record"),
        (framed(b"") + b"abc", "record 2: the file ends within the record"),
        (b"\x02", "record 1: the file ends within the record"),
        (b"not a TFRecord file at all", "record 1: the checksum of the record's length"),
    ],
)
def test_damaged_files_are_refused_with_the_record(data: bytes, said: str) -> None:
    with pytest.raises(DataError, match=said):
        table(data, a=pa.int64())


def test_a_damaged_table_of_floats_is_refused_with_the_record() -> None:
    batch = pa.record_batch({"a": np.arange(9000, dtype=np.float32)})
    data = bytearray(encode_batch(batch).data)
    size = len(data) // 9000
    data[8191 * size + size - 5] ^= 1
    with pytest.raises(DataError, match="record 8192: the checksum of the record does not match"):
        decode(bytes(data), batch.schema)


def test_a_length_beyond_any_file_is_refused() -> None:
    length = struct.pack("<Q", 2**64 - 20)
    data = length + struct.pack("<I", mask(crc32c(length))) + bytes(40)
    with pytest.raises(DataError, match="record 1: the file ends within the record"):
        table(data, a=pa.int64())


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_hostile_records_give_an_error_or_rows_but_never_a_crash(data: st.DataObject) -> None:
    numbers = pa.array([0.5, None, 1.0], pa.float32())
    batch = pa.record_batch({"a": [1, -1, 300], "b": ["x", "y" * 130, None], "c": numbers})
    whole = bytes(encode_batch(batch).data)
    records, position = [], 0
    while position < len(whole):
        (size,) = struct.unpack_from("<Q", whole, position)
        records.append(bytearray(whole[position + 12 : position + 12 + size]))
        position += size + 16
    for _ in range(data.draw(st.integers(1, 4))):
        record = data.draw(st.sampled_from(records))
        if record:
            record[data.draw(st.integers(0, len(record) - 1))] = data.draw(st.integers(0, 255))
    try:
        back = decode(b"".join(framed(bytes(record)) for record in records), batch.schema)
    except DataError:
        return
    back.validate(full=True)
    assert back.num_rows == 3


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_arbitrary_bytes_in_a_sound_frame_are_read_alike_alone_and_with_others(record: bytes) -> None:
    schema = pa.schema({"a": pa.int64(), "s": pa.binary(), "f": pa.float32()})
    sound = framed(example(("a", integers(1)), ("f", floats(1.0)), ("s", strings(b"x"))))
    try:
        alone = decode(framed(record), schema).to_pylist()
    except DataError:
        with pytest.raises(DataError, match="record 2"):
            decode(sound + framed(record), schema)
    else:
        assert decode(sound + framed(record), schema).to_pylist()[1:] == alone


def test_files_are_read_in_pieces_with_records_larger_than_a_piece(tmp_path) -> None:
    batch = pa.record_batch({"a": ["x" * 10, "y" * 5_000_000, "z" * 3_000_000, None, "w"], "b": [1, 2, 3, 4, 5]})
    path = tmp_path / "large.tfrecord"
    path.write_bytes(encode_batch(batch).data)
    assert decode_file(path, batch.schema).to_pylist() == batch.to_pylist()
    path.write_bytes(path.read_bytes()[:4_000_000])
    with pytest.raises(DataError, match=rf"{path}, record 2: the file ends within"):
        decode_file(path, batch.schema)


def test_an_empty_file_has_no_rows(tmp_path) -> None:
    path = tmp_path / "empty.tfrecord"
    path.write_bytes(encode_batch(pa.record_batch({"a": pa.array([], pa.int64())})).data)
    assert decode_file(path, pa.schema({"a": pa.int64()})).num_rows == 0
    assert decode(b"", pa.schema({"a": pa.float32()})).num_rows == 0
