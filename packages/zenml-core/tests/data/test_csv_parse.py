from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zenml.data.csv.cells import Cells
from zenml.data.csv.commit import CSVReader
from zenml.data.csv.cut import Range
from zenml.data.csv.form import CSVForm
from zenml.data.csv.header import read_headers
from zenml.data.csv.parse import ReadCSV
from zenml.data.csv.stream import ShrunkError, blocks, stream
from zenml.data.schema import Feature, LogicalType, Schema
from zenml.data.snapshot import Snapshot
from zenml.data.source_files import source_files
from zenml.data.tables.bad_rows import REFUSE
from zenml.errors import DataError

FORM = CSVForm()
TYPED = [LogicalType.INTEGER, LogicalType.FLOAT, LogicalType.BOOLEAN, LogicalType.STRING]


def arrow_reads(cell: str, kind: LogicalType) -> Any:
    """Return what Arrow makes of one cell, or ValueError."""
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(f"{cell},1\n".encode()),
            read_options=arrow_csv.ReadOptions(column_names=["a", "b"], use_threads=False),
            convert_options=arrow_csv.ConvertOptions(
                column_types={"a": kind.arrow},
                null_values=list(FORM.null_values),
                true_values=["true", "True", "TRUE"],
                false_values=["false", "False", "FALSE"],
                strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid:
        return ValueError
    return table.column("a").to_pylist()[0]


numberish = st.text(st.sampled_from("0123456789+-.eE "), min_size=1, max_size=8)
words = st.sampled_from(["true", "False", "NA", "nan", "inf", "-Infinity", "1e400", "007", "x", "TRUE", str(1 << 63)])


@given(cell=numberish | words, kind=st.sampled_from(TYPED))
def test_whatever_arrow_reads_the_careful_way_reads_alike(cell: str, kind: LogicalType) -> None:
    expected = arrow_reads(cell, kind)
    null = cell in FORM.null_values
    cells = Cells(pa.array([None if null else cell.encode()], pa.binary()), FORM)
    if not cells.good(kind)[0]:
        assert expected is ValueError
    elif expected is not ValueError:
        found = cells.convert(kind)[0].as_py()
        assert found == expected or np.isnan(found)


def test_blank_and_quoted_null_markers_are_missing_where_text_is_not_meant() -> None:
    raw = pa.array([b" NA ", b"", b" ", b"true", None], pa.binary())
    assert Cells(raw, FORM).convert(LogicalType.BOOLEAN).to_pylist() == [None, None, None, True, None]
    assert Cells(raw, FORM).convert(LogicalType.STRING).to_pylist() == [" NA ", "", " ", "true", None]
    assert Cells(raw, FORM).convert(LogicalType.BYTES) is raw


def test_careful_reading_gives_the_same_values_as_the_fast_one(tmp_path: Path) -> None:
    rows = 'a,b,c,d\n1,0.1,true,x\n-7,,,"q""r"\n'
    found = []
    # A quoted null marker makes the whole range go the careful way.
    for name, last in (("fast", "5,,,\n"), ("careful", '5,"",,\n')):
        path = tmp_path / name
        path.write_text(rows + last)
        reader = CSVReader(source_files(str(path)), FORM, {}, False, lambda _: None)
        snapshot = Snapshot(
            tmp_path / f"{name}-out", {"splits": reader.read(tmp_path / f"{name}-out", tmp_path, run).splits}
        )
        found.append(snapshot.shards("all")[0].read_bytes())
    assert found[0] == found[1]


def run(job: Any) -> list[Any]:
    opened = job.open()
    return [opened.op.work(shard) for shard in job.shards]


@pytest.mark.parametrize("text", ["0x1F", "0X1"])
def test_hexadecimal_is_seen_across_blocks(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t.csv"
    # The first block of 1 MiB ends between the 0 and the x.
    body = "1\n" * ((1 << 19) - 1) + "7" + text + "\n"
    path.write_text(body)
    (file,) = source_files(str(path))
    assert body[(1 << 20) - 1 : (1 << 20) + 1] == text[:2]
    params = {
        "schema": Schema((Feature("a", LogicalType.INTEGER),)).to_json(),
        "form": FORM.to_params(),
        "widen": [],
        "sample": 10,
        "tfrecord": False,
        "bad_rows": REFUSE.to_params(tmp_path, []),
    }
    shard = {"file": asdict(file), "range": asdict(Range(0, file.size, quoted=False)), "number": 0}
    state = ReadCSV(params, tmp_path).work(shard)
    assert state["findings"]["cells"]["a"]["count"] == 1


def test_a_range_beyond_the_end_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("1\n" * 10)
    (file,) = source_files(str(path))
    with pytest.raises(ShrunkError):
        list(stream(file, Range(0, 100, quoted=False), {"a": pa.int64()}, FORM))
    schema = Schema((Feature("a", LogicalType.INTEGER),)).to_json()
    params = {
        "schema": schema,
        "form": FORM.to_params(),
        "widen": [],
        "sample": 10,
        "tfrecord": False,
        "bad_rows": REFUSE.to_params(tmp_path, []),
    }
    shard = {"file": asdict(file), "range": asdict(Range(0, 100, quoted=False)), "number": 0}
    assert ReadCSV(params, tmp_path).work(shard)["findings"] == {"changed": True}


def test_blocks_grow_up_to_the_range() -> None:
    assert list(blocks(Range(0, 100, quoted=False))) == [101]
    assert list(blocks(Range(0, 10 << 20, quoted=False))) == [1 << 20, 8 << 20, (10 << 20) + 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x" * 200_000 + ",b\n1,2\n", "the header cannot be read"),
        ("x" * (1 << 24) + "y", "the header row does not end"),
    ],
)
def test_endless_headers_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        read_headers(source_files(str(tmp_path / "t.csv")), FORM)


def test_headers_may_hold_line_breaks_in_quotes(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b'"a\nb","c ""d"""\r\n1,2\r\n')
    (header,) = read_headers(source_files(str(tmp_path / "t.csv")), FORM)
    assert header.names == ("a\nb", 'c "d"')
    assert header.start == 17
