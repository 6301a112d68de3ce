from __future__ import annotations

import datetime as dt
import gzip
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from zenml.data.snapshot import Snapshot
from zenml.data.tfrecord import encode_batch
from zenml.datasources.tfrecord import TFRecordDatasource
from zenml.errors import DataError
from zenml.testing.hostile import HostileProcessingBackend


def encoded(columns: dict[str, Any]) -> bytes:
    """Return the columns as framed records."""
    return b"".join(bytes(encode_batch(batch).data) for batch in pa.table(columns).to_batches())


def framed(example: bytes) -> bytes:
    """Return one record of any bytes in its frame."""
    import struct

    import google_crc32c

    def checksum(data: bytes) -> bytes:
        crc = google_crc32c.value(data)
        return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)

    length = struct.pack("<Q", len(example))
    return length + checksum(length) + example + checksum(example)


def int_list(key: bytes, values: list[int]) -> bytes:
    """Return an example with one feature, a list of small integers."""

    def field(tag: int, data: bytes) -> bytes:
        return bytes([tag, len(data)]) + data

    feature = field(0x1A, field(0x0A, bytes(values)))
    return field(0x0A, field(0x0A, field(0x0A, key) + field(0x12, feature)))


@pytest.fixture
def table(tmp_path: Path, run_step: Any) -> Any:
    """Return a function that writes a file, reads it with the datasource, and gives the snapshot."""

    def read(data: bytes, **config: Any) -> Snapshot:
        path = tmp_path / "table.tfrecord"
        path.write_bytes(data)
        return Snapshot.of(run_step(TFRecordDatasource(name="Table", path=str(path), **config)))

    return read


def types(snapshot: Snapshot) -> dict[str, str]:
    return {feature.name: feature.type.value for feature in snapshot.schema}


def rows(snapshot: Snapshot) -> list[dict[str, Any]]:
    return [row for batch in snapshot.batches("all") for row in batch.to_pylist()]


def problems(error: pytest.ExceptionInfo[DataError]) -> list[str]:
    """Return the problems, with file names cut to their last part."""
    return [str(problem).split("/")[-1] for problem in error.value.problems]


COLUMNS = {
    "word": ["a", None, "ü"],
    "n": pa.array([1, None, -3]),
    "x": pa.array([0.5, 2.5, None]),
    "raw": pa.array([b"\xff", None, b"ok"]),
}


def test_infers_features_from_a_sample_of_records(table: Any) -> None:
    snapshot = table(encoded(COLUMNS))
    assert types(snapshot) == {"n": "integer", "raw": "bytes", "word": "string", "x": "float"}
    assert rows(snapshot) == [
        {"n": 1, "raw": b"\xff", "word": "a", "x": 0.5},
        {"n": None, "raw": None, "word": None, "x": 2.5},
        {"n": -3, "raw": b"ok", "word": "ü", "x": None},
    ]


def test_declared_types_stand_over_sampled_ones(table: Any) -> None:
    data = encoded({"flag": [1, 0, None], "when": [0, 1_000_000, None], "word": ["a", "b", "c"]})
    declared = {"flag": "boolean", "when": "timestamp", "word": "bytes", "later": "float"}
    first, second, _ = rows(table(data, types=declared))
    assert first == {"flag": True, "later": None, "when": dt.datetime.fromisoformat("1970-01-01"), "word": b"a"}
    assert second["when"] == dt.datetime.fromisoformat("1970-01-01T00:00:01")
    with pytest.raises(DataError, match="row 3, column flag: '2' is neither true nor false"):
        table(encoded({"flag": [1, 0, 2]}), types={"flag": "boolean"})


def test_columns_can_be_chosen(table: Any) -> None:
    assert rows(table(encoded(COLUMNS), columns=["x", "n"]))[0] == {"x": 0.5, "n": 1}
    with pytest.raises(DataError, match=r"columns names a column 'wrod' that is not there. Did you mean word\?"):
        table(encoded(COLUMNS), columns=["wrod"])


def test_features_without_exactly_one_value_are_lists(table: Any) -> None:
    data = framed(int_list(b"a", [1])) + framed(int_list(b"b", [1, 2, 3])) + framed(int_list(b"c", []))
    snapshot = table(data)
    assert types(snapshot) == {"a": "integer", "b": "list<integer>[3]", "c": "list<integer>"}
    nothing = {"a": None, "b": None, "c": None}
    assert rows(snapshot) == [{**nothing, "a": 1}, {**nothing, "b": [1, 2, 3]}, {**nothing, "c": []}]
    assert rows(table(data, columns=["a"])) == [{"a": 1}, {"a": None}, {"a": None}]
    assert rows(table(data, types={"b": "list<float>"}, columns=["b"]))[1] == {"b": [1.0, 2.0, 3.0]}


def test_lists_that_their_type_does_not_take_are_refused(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    data = framed(int_list(b"b", [1, 2, 3])) * 3
    with pytest.raises(DataError, match=r"feature b: its lists hold 3 values, and integer is one value.*list<integer>"):
        table(data, types={"b": "integer"})
    monkeypatch.setattr("zenml.data.foreign.commit.SAMPLE_RECORDS", 2)
    with pytest.raises(DataError, match="record 4, feature 'b': its list has 1 values, but 3 are expected"):
        table(data + framed(int_list(b"b", [1])))


def test_a_feature_of_several_kinds_is_refused(table: Any) -> None:
    with pytest.raises(DataError, match="feature a: it is of several kinds: float and int64"):
        table(encoded({"a": [1]}) + encoded({"a": [1.5]}))


def test_what_the_sample_does_not_have_is_told_by_record(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zenml.data.foreign.commit.SAMPLE_RECORDS", 3)
    good = encoded({"a": [1, 2, 3, 4], "w": ["a", "b", "c", "d"]})
    with pytest.raises(DataError, match="record 5: it has a feature 'b' that is no column"):
        table(good + encoded({"a": [1], "b": [2]}))
    with pytest.raises(DataError, match="record 5, feature 'a': it is of kind float, but int64 is expected"):
        table(good + encoded({"a": [1.5]}))
    with pytest.raises(DataError, match=r"row 5, column w: '\\\\xff' is not UTF-8 text"):
        table(good + encoded({"w": [b"\xff"]}))
    assert rows(table(good + encoded({"a": [1], "b": [2]}), types={"b": "integer"}))[-1] == {"a": 1, "b": 2, "w": None}


def test_damaged_files_are_told_all_at_once_and_nothing_is_written(
    tmp_path: Path, run_step: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zenml.data.foreign.commit.SAMPLE_RECORDS", 4)
    data = bytearray(encoded({"a": list(range(1000))}))
    (tmp_path / "1.tfrecord").write_bytes(data)
    (tmp_path / "3.tfrecord").write_bytes(data[:-3])
    data[-6] ^= 1
    (tmp_path / "2.tfrecord").write_bytes(data)
    with pytest.raises(DataError) as error:
        run_step(TFRecordDatasource(name="t", path=str(tmp_path / "*.tfrecord")))
    mend = "The file is damaged or not a TFRecord file; make it again"
    assert problems(error) == [
        f"2.tfrecord: record 1000: the checksum of the record does not match its bytes. {mend}",
        "3.tfrecord: record 1000: the file ends within the record",
    ]
    assert not list((run_step.root / "step-1" / "out").rglob("shard-0000[12]*"))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"a,b\n1,2\n" * 9, "checksum"),
        (gzip.compress(encoded(COLUMNS)), "this is gzip"),
        (framed(b""), "the first records hold no feature"),
        (framed(b"\x0a\xff"), "not a tf.Example"),
    ],
)
def test_files_that_are_no_table_are_refused(table: Any, data: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        table(data)


def test_url_is_read_through_fsspec(run_step: Any) -> None:
    import fsspec

    fsspec.filesystem("memory").pipe("/tfrecord-datasource/one.tfrecord", encoded({"n": [1, 2]}))
    datasource = TFRecordDatasource(name="t", path="memory://tfrecord-datasource/*")
    assert rows(Snapshot.of(run_step(datasource))) == [{"n": 1}, {"n": 2}]


def test_every_engine_gives_the_same_bytes(tmp_path: Path, run_step: Any, files_of: Any) -> None:
    for number in range(4):
        values = range(number * 500, number * 500 + 500)
        columns = {"n": [*values], "x": [None if n % 7 == 0 else n / 3 for n in values], "w": [f"w{n}" for n in values]}
        (tmp_path / f"{number}.tfrecord").write_bytes(encoded(columns))
    datasource = TFRecordDatasource(name="t", path=str(tmp_path / "*.tfrecord"))
    here = run_step(datasource)
    there = run_step(datasource, engine=HostileProcessingBackend(seed=7))
    assert files_of(here.path) == files_of(there.path)
    assert [row["n"] for row in rows(Snapshot.of(here))] == list(range(2000))
