from __future__ import annotations

import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.csv as arrow_csv
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zenml.data.csv.commit import CSVReader
from zenml.data.csv.escapes import NEUTRAL, ends_escaping, hide_escaped
from zenml.data.csv.form import CSVForm
from zenml.data.csv.rows import row_texts
from zenml.data.csv.widened import WidenedReader, narrow
from zenml.data.schema import LogicalType
from zenml.data.shards import ShardJob, State
from zenml.data.snapshot import Snapshot
from zenml.data.source_files import source_files
from zenml.datasources.csv import CSVDatasource
from zenml.errors import ConfigError, DataError

TEXT = {"a": LogicalType.STRING, "b": LogicalType.STRING}
FORMS = [
    CSVForm(",", ()),
    CSVForm(";", (), quote="'"),
    CSVForm("\t", (), quote="", escape="\\"),
    CSVForm(",", (), escape="\\", doubled=False),
    CSVForm(",", (), escape="\\"),
    CSVForm("|", (), quote="`", escape="^", doubled=False),
]
cell = st.text(st.sampled_from("ab,;|\"'`\\^\n\r \té"), max_size=6)


def in_process(job: ShardJob) -> list[State]:
    opened = job.open()
    return [opened.op.work(shard) for shard in job.shards]


def written(rows: list[tuple[str, str]], form: CSVForm, quoting: Any) -> bytes:
    """Return rows as Python's csv module writes them."""
    text = io.StringIO(newline="")
    writer = csv.writer(
        text,
        delimiter=form.delimiter,
        quotechar=form.quote or None,
        escapechar=form.escape or None,
        doublequote=form.doubled,
        quoting=quoting if form.quote else csv.QUOTE_NONE,
        lineterminator="\r\n",
    )
    writer.writerows(rows)
    return text.getvalue().encode()


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    rows=st.lists(st.tuples(cell, cell), min_size=1, max_size=20),
    form=st.sampled_from(FORMS),
    target=st.integers(1, 64),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
)
def test_what_pythons_csv_module_wrote_is_read_back(
    rows: list[tuple[str, str]], form: CSVForm, target: int, quoting: Any
) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "t.csv").write_bytes(written([("a", "b"), *rows], form, quoting))
        files = source_files(str(folder / "t.csv"))
        reader = CSVReader(files, form, TEXT, False, lambda _: None, target)
        found = reader.read(folder / "out", folder, in_process)
        snapshot = Snapshot(folder / "out", {"splits": found.splits})
        assert [tuple(row.values()) for batch in snapshot.batches("all") for row in batch.to_pylist()] == rows


@given(data=st.text('a\\\\\\"\n', max_size=30), cut=st.integers(0, 30))
def test_escaped_bytes_are_the_same_wherever_the_text_is_cut(data: str, cut: int) -> None:
    whole = data.encode()
    expected = []
    escaped = False
    for byte in whole:
        expected.append(NEUTRAL if escaped else byte)
        escaped = not escaped and byte == ord("\\")
    assert list(hide_escaped(whole, "\\")) == expected
    head, tail = whole[:cut], whole[cut:]
    first = ends_escaping(head, "\\")
    assert list(hide_escaped(tail, "\\", first=bool(first))) == expected[cut:]


def test_an_endless_run_of_escapes_is_read_in_one_piece(tmp_path: Path) -> None:
    assert ends_escaping(b"\\" * 5000, "\\") is None
    assert ends_escaping(b"\\", "") is False
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b\n" + b"1,2\n" * 2000 + b"\\" * 10_000 + b",2\n" + b"1,2\n" * 2000)
    form = CSVForm(escape="\\")
    reader = CSVReader(source_files(str(path)), form, TEXT, False, lambda _: None, 5_000)
    assert reader.read(tmp_path / "out", tmp_path, in_process).splits["all"]["shards"] == [4001]


@given(
    rows=st.lists(st.tuples(*[st.none() | st.binary(max_size=6) | cell.map(str.encode)] * 2), min_size=1),
    form=st.sampled_from([form for form in FORMS if form.quote]),
    nulls=st.sampled_from([("",), ("NA",), ("NA", "")]),
)
def test_rows_kept_as_text_read_as_they_did(
    rows: list[tuple[bytes | None, bytes | None]], form: CSVForm, nulls: tuple[str, ...]
) -> None:
    form = CSVForm(**{**vars(form), "null_values": nulls})
    columns = [pa.array([row[place] for row in rows], pa.binary()) for place in (0, 1)]
    text = b"".join(row + b"\n" for row in row_texts(columns, form).to_pylist())
    table = arrow_csv.read_csv(
        pa.BufferReader(text),
        read_options=arrow_csv.ReadOptions(column_names=["a", "b"], use_threads=False),
        parse_options=arrow_csv.ParseOptions(
            delimiter=form.delimiter, quote_char=form.quote, escape_char=form.escape or False,
            double_quote=form.doubled, newlines_in_values=True,
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types={"a": pa.binary(), "b": pa.binary()}, null_values=list(nulls),
            strings_can_be_null=True, quoted_strings_can_be_null=False,
        ),
    )  # fmt: skip
    assert [tuple(row.values()) for row in table.to_pylist()] == rows


@given(st.lists(st.none() | st.binary(max_size=8), max_size=20), st.integers(0, 20))
def test_widened_bytes_are_narrowed_again(cells: list[bytes | None], start: int) -> None:
    wide = [None if each is None else WidenedReader(io.BytesIO(each)).read() for each in cells]  # type: ignore[arg-type] # any stream
    assert all(each is None or each.decode() is not None for each in wide)
    batch = pa.RecordBatch.from_arrays([pa.array(wide, pa.binary())], names=["a"]).slice(start)
    assert narrow(batch).column(0).to_pylist() == cells[start:]


@pytest.fixture
def table(tmp_path: Path, run_step: Any) -> Any:
    """Return a function that writes a CSV file, reads it with the datasource, and gives the rows."""

    def read(text: str, **config: Any) -> list[dict[str, Any]]:
        path = tmp_path / "table.csv"
        path.write_bytes(text.encode())
        snapshot = Snapshot.of(run_step(CSVDatasource(name="Table", path=str(path), **config)))
        return [row for batch in snapshot.batches("all") for row in batch.to_pylist()]

    return read


def test_another_character_quotes(table: Any) -> None:
    assert table("'a,b',n\n'it''s',1\n\"x\",2\n'l\n2',3\n", quote_char="'") == [
        {"a,b": "it's", "n": 1},
        {"a,b": '"x"', "n": 2},
        {"a,b": "l\n2", "n": 3},
    ]


def test_quotes_are_text_where_nothing_quotes(table: Any) -> None:
    assert table('a\tn\n"x\t1\n5" pipe\t2\n', delimiter="\t", quote_char="") == [
        {"a": '"x', "n": 1},
        {"a": '5" pipe', "n": 2},
    ]


def test_escaped_characters_have_no_meaning(table: Any) -> None:
    text = 'a\\,b,n\n"say \\"hi\\"",1\nx\\\ny,2\n\\"z\\\\,3\n'
    assert table(text, escape_char="\\", double_quote=False) == [
        {"a,b": 'say "hi"', "n": 1},
        {"a,b": "x\ny", "n": 2},
        {"a,b": '"z\\', "n": 3},
    ]


def test_a_last_empty_cell_is_missing_with_and_without_a_line_end(table: Any) -> None:
    for end in ("", "\n"):
        assert table('a,b\n"x",y\n"x",' + end)[1] == {"a": "x", "b": None}


def test_the_first_cell_of_a_file_without_a_header_may_be_quoted(table: Any) -> None:
    assert table('"a\nb",1\n"c",2\n', header=False, columns=["a", "n"]) == [{"a": "a\nb", "n": 1}, {"a": "c", "n": 2}]


@pytest.mark.parametrize(
    ("config", "mend"),
    [
        ({}, "Close or double the quote"),
        ({"double_quote": False}, "Close the quote"),
        ({"double_quote": False, "escape_char": "\\"}, "Close or escape the quote"),
    ],
)
def test_an_open_quote_is_told_with_its_line_in_any_form(table: Any, config: dict[str, Any], mend: str) -> None:
    with pytest.raises(DataError, match=rf"line 3: a quoted cell is opened and never closed. {mend}"):
        table('a,n\n"x",1\n"y,2\n', **config)
    with pytest.raises(DataError, match=rf"line 1: a quoted name is opened and never closed. {mend}"):
        table('"a,n\nx,1\n', **config)


def test_quarantined_rows_keep_the_form(run_step: Any, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("n,a\n" + "1,x\n" * 40 + "z,'a\\'b'\nz,'a\\\\,b'\n")
    source = CSVDatasource(
        name="t", path=str(tmp_path / "t.csv"), quote_char="'", escape_char="\\", double_quote=False,
        on_bad_rows="quarantine",
    )  # fmt: skip
    snapshot = Snapshot.of(run_step(source))
    texts = [row["text"] for batch in snapshot.quarantine() for row in batch.to_pylist()]
    assert texts == [b"z,'a\\'b'", b"z,'a\\\\,b'"]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"quote_char": "''"}, "it is one ASCII character"),
        ({"quote_char": "\n"}, "it is one ASCII character"),
        ({"escape_char": "é"}, "it is one ASCII character"),
        ({"escape_char": ""}, "escape_char"),
        ({"escape_char": '"'}, "must be different characters"),
        ({"quote_char": ","}, "must be different characters"),
    ],
)
def test_the_form_is_checked(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        CSVDatasource(name="t", path="t.csv", **config)
    assert message in str(error.value)
