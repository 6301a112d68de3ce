from __future__ import annotations

import bz2
import datetime as dt
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from zenml.data.identity import IdentityMemo
from zenml.data.snapshot import Snapshot
from zenml.datasources.csv import CSVDatasource
from zenml.errors import ConfigError, DataError
from zenml.testing.hostile import HostileProcessingBackend

at = dt.datetime.fromisoformat


@pytest.fixture
def table(tmp_path: Path, run_step: Any) -> Any:
    """Return a function that writes a CSV file, reads it with the datasource, and gives the snapshot."""

    def read(text: str | bytes, **config: Any) -> Snapshot:
        path = tmp_path / "table.csv"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return Snapshot.of(run_step(CSVDatasource(name="Table", path=str(path), **config)))

    return read


def types(snapshot: Snapshot) -> dict[str, str]:
    return {feature.name: feature.type.value for feature in snapshot.schema}


def rows(snapshot: Snapshot) -> list[dict[str, Any]]:
    return [row for batch in snapshot.batches("all") for row in batch.to_pylist()]


def problems(error: pytest.ExceptionInfo[DataError]) -> list[str]:
    """Return the problems, with file names cut to their last part."""
    return [str(problem).split("/")[-1] for problem in error.value.problems]


def test_infers_types_and_keeps_missing_cells(table: Any) -> None:
    snapshot = table('n,x,flag,word\n1,1.5,true,a\n,,,\n-3,2e3,False,"b,\n""c"""\n')
    assert types(snapshot) == {"n": "integer", "x": "float", "flag": "boolean", "word": "string"}
    assert rows(snapshot) == [
        {"n": 1, "x": 1.5, "flag": True, "word": "a"},
        {"n": None, "x": None, "flag": None, "word": None},
        {"n": -3, "x": 2000.0, "flag": False, "word": 'b,\n"c"'},
    ]


def test_writes_one_split_with_schema_statistics_and_tfrecord_copy(
    run_step: Any, tmp_path: Path, files_of: Any
) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2.5\n2,0.1\n")
    datasource = CSVDatasource(name="t", path=str(tmp_path / "t.csv"))
    stored = run_step(datasource)
    assert set(files_of(stored.path)) == {
        "schema.json",
        "all/shard-00000.arrow",
        "all/statistics.json",
        "tfrecord/all/shard-00000.tfrecord",
    }
    assert stored.properties["splits"] == {"all": {"shards": [2], "rows": 2}}
    assert stored.properties["source_identity"] == datasource.identity()
    assert set(stored.properties["tfrecord_casts"]) == {"b"}
    assert [note for note in run_step.notes.logs if "rounded to float32" in note]
    assert datasource.split_names({}) == ("all",)


def test_tfrecord_copy_can_be_left_out(run_step: Any, tmp_path: Path, files_of: Any) -> None:
    (tmp_path / "t.csv").write_text("a\n0.1\n")
    stored = run_step(CSVDatasource(name="t", path=str(tmp_path / "t.csv"), tfrecord=False))
    assert not [name for name in files_of(stored.path) if name.startswith("tfrecord")]
    assert run_step.notes.warnings == []


def test_exact_floats_are_no_lossy_cast(run_step: Any, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a\n0.5\n0.25\n")
    assert run_step(CSVDatasource(name="t", path=str(tmp_path / "t.csv"))).properties["tfrecord_casts"] == {}


def test_null_markers_depend_on_quotes_in_text_only(table: Any) -> None:
    snapshot = table('x,word\n"","NA"\n NA ,NA\n"7",""\n')
    assert rows(snapshot) == [{"x": None, "word": "NA"}, {"x": None, "word": None}, {"x": 7, "word": ""}]


def test_delimiter_and_null_values_can_be_chosen(table: Any) -> None:
    snapshot = table("a;b\n1;-\n?;x\n", delimiter=";", null_values=["?", "-"])
    assert rows(snapshot) == [{"a": 1, "b": None}, {"a": None, "b": "x"}]


def test_not_a_number_is_missing_and_infinity_is_kept(table: Any) -> None:
    assert [row["x"] for row in rows(table("x\n1.5\n-NAN\ninf\n"))] == [1.5, None, float("inf")]


def test_reads_byte_order_mark_and_every_line_end(table: Any) -> None:
    for end in ("\n", "\r\n", "\r"):
        assert rows(table(b"\xef\xbb\xbf" + end.join(["a,b", "1,2", "", "3,4"]).encode())) == [
            {"a": 1, "b": 2},
            {"a": 3, "b": 4},
        ]


def test_numeric_with_few_other_cells_is_an_error_not_text(table: Any) -> None:
    with pytest.raises(DataError) as error:
        table("x\n" + "1\n" * 97 + "abc\n")
    (problem,) = error.value.problems
    assert (problem.where.split("/")[-1], problem.what) == ("table.csv, row 98, column x", "'abc' is not an integer")
    assert problem.mend == 'If the column holds something else, declare it, as in types={"x": "string"}'
    assert types(table("x\n" + "1\n" * 10 + "abc\n")) == {"x": "string"}


def test_integer_widens_when_the_first_other_number_comes_late(table: Any) -> None:
    snapshot = table("x,y\n" + "1,1\n" * 70_000 + "2.5,1\n")
    assert types(snapshot) == {"x": "float", "y": "integer"}
    assert sum(batch.column("x").to_numpy().sum() for batch in snapshot.batches("all")) == 70_002.5


def test_declared_integers_do_not_widen(table: Any) -> None:
    with pytest.raises(DataError, match=r"row 2, column x: '2.5' is not an integer"):
        table("x\n1\n2.5\n", types={"x": "integer"})


def test_declared_types_stand_over_inferred_ones(table: Any) -> None:
    snapshot = table(
        "zip,n,raw\n01234,1,\udcff\n".encode("utf-8", "surrogateescape"),
        types={"zip": "string", "n": "float", "raw": "bytes"},
    )
    assert rows(snapshot) == [{"zip": "01234", "n": 1.0, "raw": b"\xff"}]


def test_column_without_values_is_text_and_says_so(table: Any, run_step: Any) -> None:
    assert types(table("a,b\n,1\n")) == {"a": "string", "b": "integer"}
    assert "column 'a' has no value" in run_step.notes.warnings[0]


def test_integers_beyond_64_bits_are_text_or_an_error(table: Any) -> None:
    big = str(1 << 63)
    assert types(table(f"x\n{big}\n")) == {"x": "string"}
    with pytest.raises(DataError, match=f"row 41, column x: '{big}' is beyond the range of 64-bit integers"):
        table("x\n" + "-9223372036854775808\n" * 40 + f"{big}\n")


def test_hexadecimal_is_no_number(table: Any) -> None:
    with pytest.raises(DataError, match="row 70001, column x: '0x1F' is not an integer"):
        table("x\n" + "1\n" * 70_000 + "0x1F\n")


def test_ragged_rows_and_bad_cells_are_told_together_with_their_rows(table: Any) -> None:
    with pytest.raises(DataError) as error:
        table("a,b\n\n1,2\n\n3\n4,5,6\n" + "7,8\n" * 40 + "x,y\n")
    assert [problem.split(".  If")[0].split(". If")[0] for problem in problems(error)] == [
        "table.csv, row 2: 1 cell where the header has 2",
        "table.csv, row 3: 3 cells where the header has 2",
        "table.csv, row 44, column a: 'x' is not an integer",
        "table.csv, row 44, column b: 'y' is not an integer",
    ]


def test_many_problems_are_counted_and_the_first_are_shown(table: Any) -> None:
    with pytest.raises(DataError) as error:
        table("a,b\n" + "1,2\n" * 2000 + "x,1\n" * 30 + "1\n" * 25)
    assert len(error.value.problems) == 21
    assert problems(error)[-1] == (
        "these are the first 20 of 55: 25 ragged rows in table.csv, 30 bad cells of a in table.csv"
    )


def test_stray_quotes_are_text(table: Any) -> None:
    snapshot = table('pipe,n\n5" pipe,1\n6" pipe,2\n"7"" pipe",3\n')
    assert [row["pipe"] for row in rows(snapshot)] == ['5" pipe', '6" pipe', '7" pipe']


def test_cell_longer_than_a_block_is_read(table: Any) -> None:
    snapshot = table("a,b\n1,x\n2," + "y" * 3_000_000 + "\n")
    assert [len(row["b"]) for row in rows(snapshot)] == [1, 3_000_000]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "table.csv: the file is empty"),
        (b"a,b\n", "table.csv: there is a header and no row"),
        (b"a,b", "table.csv: there is a header and no row"),
        (b"a,b\n\n\n", "table.csv: there is a header and no row"),
        (b"\na,b\n1,2\n", "table.csv: the first line is blank. It must be the header"),
        (b"a,b,a\n1,2,3\n", "table.csv: the header names 'a' 2 times. Give each column a name of its own"),
        (b"a,,c,\n1,2,3,4\n", "table.csv: the header gives no name to column 2, 4. Give each column a name of its own"),
        (
            b"\xffa,b\n1,2\n",
            "table.csv: this is not UTF-8 text. CSV files are UTF-8 text, unless encoding= says what they are",
        ),
        ("a,b\n1,2\n".encode("utf-16"), "table.csv: this is UTF-16. Say so: encoding='utf-16'"),
        (b"\x1f\x8b\x08\x00\x00", "table.csv: this is gzip. Say so: compression='gzip'"),
        (b'a,b\n1,2\n3,"4\n', "table.csv, line 3: a quoted cell is opened and never closed. Close or double the quote"),
        (
            b'a,b\n1,2\n3,"4\n5,6\n',
            "table.csv, line 3: a quoted cell is opened and never closed. Close or double the quote",
        ),
        (b'a,"b\n1,2\n', "table.csv, line 1: a quoted name is opened and never closed. Close or double the quote"),
    ],
)
def test_files_that_are_no_table_are_refused(table: Any, content: bytes, message: str) -> None:
    with pytest.raises(DataError) as error:
        table(content)
    assert problems(error) == [message]


def test_invalid_utf8_is_told_by_row(table: Any) -> None:
    with pytest.raises(DataError) as error:
        table(b"a,b\n1,x\n2,caf\xe9\n")
    assert problems(error)[0].startswith("table.csv, row 2, column b: 'caf\\\\xe9' is not UTF-8 text")


def test_unknown_column_in_types_names_the_closest(table: Any) -> None:
    with pytest.raises(DataError, match=r"'agee' that is not in the header. Did you mean age\?"):
        table("age\n1\n", types={"agee": "float"})


def test_nothing_is_written_when_the_input_is_bad(table: Any, run_step: Any) -> None:
    with pytest.raises(DataError):
        table("a\n" + "1\n" * 40 + "x\n")
    assert [path for path in (run_step.root / "step-1" / "out").rglob("*") if path.is_file()] == []


def test_glob_reads_files_in_the_order_of_names(tmp_path: Path, run_step: Any) -> None:
    for number in (10, 2, 1):
        (tmp_path / f"part-{number:02d}.csv").write_text(f"n\n{number}\n")
    (tmp_path / "part-03.csv").write_text("n\n")
    snapshot = Snapshot.of(run_step(CSVDatasource(name="t", path=str(tmp_path / "part-*.csv"))))
    assert [row["n"] for row in rows(snapshot)] == [1, 2, 10]
    assert len(snapshot.shards("all")) == 3


def test_headers_of_a_glob_must_agree(tmp_path: Path, run_step: Any) -> None:
    (tmp_path / "1.csv").write_text("a,b\n1,2\n")
    (tmp_path / "2.csv").write_text("a,c\n1,2\n")
    (tmp_path / "3.csv").write_text("b,a\n1,2\n")
    (tmp_path / "4.csv").write_text("")
    with pytest.raises(DataError) as error:
        run_step(CSVDatasource(name="t", path=str(tmp_path / "*.csv")))
    mend = "Files that are read together need the same header"
    assert problems(error) == [
        f"2.csv: its header differs from the one of 1.csv: it has also c and lacks b. {mend}",
        f"3.csv: its header differs from the one of 1.csv: it has another order. {mend}",
        "4.csv: the file is empty",
    ]


def test_row_numbers_count_within_each_file(tmp_path: Path, run_step: Any) -> None:
    for name in "ab":
        (tmp_path / f"{name}.csv").write_text("n\n" + "1\n" * 30 + "x\n")
    with pytest.raises(DataError) as error:
        run_step(CSVDatasource(name="t", path=str(tmp_path / "*.csv")))
    assert [problem.split(":")[0] for problem in problems(error)] == [
        "a.csv, row 31, column n",
        "b.csv, row 31, column n",
    ]


def test_missing_file_names_the_closest(tmp_path: Path) -> None:
    (tmp_path / "diabetes.csv").write_text("a\n1\n")
    with pytest.raises(DataError, match=r"there is no such file. Did you mean diabetes.csv\?"):
        CSVDatasource(name="t", path=str(tmp_path / "diabets.csv")).identity()


def test_url_is_read_through_fsspec(run_step: Any) -> None:
    import fsspec

    fs = fsspec.filesystem("memory")
    fs.pipe("/csv-datasource/one.csv", b"n\n1\n")
    fs.pipe("/csv-datasource/two.csv", b"n\n2\n")
    datasource = CSVDatasource(name="t", path="memory://csv-datasource/*.csv")
    assert [row["n"] for row in rows(Snapshot.of(run_step(datasource)))] == [1, 2]
    assert datasource.local_paths() == []
    assert datasource.resolve(Path("/root")) is datasource


def test_paths_resolve_against_the_root(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("a\n1\n")
    datasource = CSVDatasource(name="t", path="data.csv").resolve(tmp_path)
    assert datasource.local_paths() == [str(tmp_path / "data.csv")]


def test_identity_depends_on_content_and_parsing_alone(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{folder}.csv").write_text("a\n1\n")
    one, two = (str(tmp_path / name / f"{name}.csv") for name in ("one", "two"))
    assert CSVDatasource(name="x", path=one).identity() == CSVDatasource(name="y", path=two).identity()
    assert CSVDatasource(name="x", path=one).identity() != CSVDatasource(name="x", path=one, delimiter=";").identity()
    Path(two).write_text("a\n2\n")
    assert CSVDatasource(name="x", path=one).identity() != CSVDatasource(name="x", path=two).identity()


def test_identity_stands_for_the_fields_that_locate_in_the_fingerprint() -> None:
    one = CSVDatasource(name="x", path="one.csv", types={"a": "float"}, snapshot="sha256:" + "0" * 64)
    two = CSVDatasource(name="y", path="two.csv", types={"a": "float"})
    assert one.fingerprint_config() == two.fingerprint_config() == {"types": {"a": "float"}}


def test_data_that_changed_since_the_plan_is_refused(tmp_path: Path, run_step: Any) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a\n1\n")
    datasource = CSVDatasource(name="t", path=str(path))
    datasource.identity(IdentityMemo())
    path.write_text("a\n1\n2\n")
    with pytest.raises(DataError, match="the data changed since this run was planned"):
        run_step(datasource)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"delimiter": ""}, "a delimiter is one ASCII character"),
        ({"delimiter": '"'}, "a delimiter is one ASCII character"),
        ({"delimiter": "·"}, "a delimiter is one ASCII character"),
        ({"types": {"a": "date"}}, "CSVDatasource.types.a"),
        ({"encoding": "utf-9"}, "Python knows no encoding of text by this name"),
        ({"encoding": "rot13"}, "Python knows no encoding of text by this name"),
        ({"compression": "rar"}, "CSVDatasource.compression"),
        ({"header": False}, "without a header, columns must name the columns"),
        ({"columns": ["a"]}, "add header=False"),
        ({"columns": ["a", "a"], "header": False}, "columns names a column twice"),
        ({"path": ""}, "CSVDatasource.path"),
        ({"snapshot": "latest"}, "CSVDatasource.snapshot"),
        ({"delimeter": ";"}, "Did you mean delimiter?"),
    ],
)
def test_config_is_checked(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        CSVDatasource(**{"name": "t", "path": "t.csv", **config})
    assert message in str(error.value)


def test_declared_timestamps_are_read_in_utc(table: Any) -> None:
    snapshot = table(
        "when,n\n2024-02-29,1\n2024-02-29 10:00,2\n 2024-02-29T10:00:00.5+02:00 ,3\nNA,4\n2024-02-29T10:00:00Z,5\n",
        types={"when": "timestamp"},
    )
    assert [row["when"] for row in rows(snapshot)] == [
        at("2024-02-29T00:00:00"),
        at("2024-02-29T10:00:00"),
        at("2024-02-29T08:00:00.5"),
        None,
        at("2024-02-29T10:00:00"),
    ]
    assert types(table("when\n2024-02-29\n")) == {"when": "string"}


def test_dates_that_do_not_exist_are_told_by_row(table: Any) -> None:
    with pytest.raises(DataError) as error:
        table("day\n2024-02-29\n2023-02-29\n2024-13-01\n29.02.2024\n", types={"day": "timestamp"})
    what = "is not a date or time that exists, in ISO 8601 and microseconds"
    assert [problem.split(". If")[0] for problem in problems(error)] == [
        f"table.csv, row 2, column day: '2023-02-29' {what}",
        f"table.csv, row 3, column day: '2024-13-01' {what}",
        f"table.csv, row 4, column day: '29.02.2024' {what}",
    ]


def test_null_bytes_in_text_are_told_by_row(table: Any) -> None:
    with pytest.raises(DataError) as error:
        table(b"a,b\n1,x\n2,x\0y\n")
    assert problems(error)[0].startswith("table.csv, row 2, column b: 'x\\x00y' is text with a null byte")
    assert rows(table(b"a,b\n1,x\0y\n", types={"b": "bytes"})) == [{"a": 1, "b": b"x\0y"}]


def test_files_without_a_header_take_the_given_names(table: Any) -> None:
    assert rows(table("\ufeff1,a\n2,b\n", header=False, columns=["n", "word"])) == [
        {"n": 1, "word": "a"},
        {"n": 2, "word": "b"},
    ]
    with pytest.raises(DataError, match="row 2: 1 cell where columns= names 2"):
        table("1,a\n2\n", header=False, columns=["n", "word"])
    with pytest.raises(DataError, match=r"table.csv: there is no row"):
        table("\n\n", header=False, columns=["n"])


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-8-sig", "cp1252"])
def test_other_encodings_are_read_when_named(table: Any, encoding: str) -> None:
    assert rows(table("n,wörd\n1,ä\n2,é\n".encode(encoding), encoding=encoding)) == [
        {"n": 1, "wörd": "ä"},
        {"n": 2, "wörd": "é"},
    ]


@pytest.mark.parametrize("size", [10, 3_000_000])
def test_a_byte_that_is_not_in_the_encoding_is_told_by_its_place(table: Any, size: int) -> None:
    with pytest.raises(DataError) as error:
        table(b"a\n" + b"x" * size + b"\xe9\n", encoding="ascii")
    mend = "Name its encoding, as in encoding='latin-1'"
    assert problems(error) == [f"table.csv: byte {size + 3} of its text is not in the encoding ascii. {mend}"]


def zstd(data: bytes) -> bytes:
    return bytes(pa.compress(data, "zstd", asbytes=True))


@pytest.mark.parametrize(
    ("suffix", "name", "compress"),
    [("gz", "gzip", gzip.compress), ("bz2", "bz2", bz2.compress), ("xz", "xz", lzma.compress), ("zst", "zstd", zstd)],
)
def test_compressed_files_are_unpacked(
    tmp_path: Path, run_step: Any, suffix: str, name: str, compress: Callable[[bytes], bytes]
) -> None:
    data = b"n,word\n" + b"".join(b"%d,w%d\n" % (n, n * 7919 % 1000) for n in range(1000))
    path = tmp_path / f"t.csv.{suffix}"
    path.write_bytes(compress(data))
    packed = Snapshot.of(run_step(CSVDatasource(name="t", path=str(path))))
    (tmp_path / "odd.bin").write_bytes(compress(data))
    odd = Snapshot.of(run_step(CSVDatasource(name="t", path=str(tmp_path / "odd.bin"), compression=name)))
    assert rows(packed) == rows(odd)
    assert len(rows(packed)) == 1000
    for damaged, message in ((compress(data)[:-9], "cut off"), (b"n,word\n1,a\n", "this is no .* data")):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=message) as error:
            run_step(CSVDatasource(name="t", path=str(path)))
        assert error.value.problems[0].where == str(path)


def test_problems_in_unpacked_files_name_the_packed_ones(tmp_path: Path, run_step: Any) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"n\n" + b"1\n" * 30 + b"x\n"))
    (tmp_path / "b.csv").write_bytes(b"n\n" + b"1\n" * 30 + b"1,2\n")
    with pytest.raises(DataError) as error:
        run_step(CSVDatasource(name="t", path=str(tmp_path / "*.csv*")))
    assert [problem.split(": ")[0] for problem in problems(error)] == ["a.csv.gz, row 31, column n", "b.csv, row 31"]


def test_compressed_files_on_every_engine_give_the_same_bytes(tmp_path: Path, run_step: Any, files_of: Any) -> None:
    for number in range(3):
        text = "n,x\n" + "".join(f"{n},{n / 3 if n % 7 else ''}\n" for n in range(number * 500, number * 500 + 500))
        (tmp_path / f"{number}.csv.gz").write_bytes(gzip.compress(text.encode()))
    datasource = CSVDatasource(name="t", path=str(tmp_path / "*.gz"))
    here = run_step(datasource)
    assert files_of(here.path) == files_of(run_step(datasource, engine=HostileProcessingBackend(seed=3)).path)


def test_cell_of_ten_megabytes_is_read(table: Any) -> None:
    snapshot = table('a,b\n1,x\n2,"' + "y\n" * 5_000_000 + '"\n3,z\n')
    assert [len(row["b"]) for row in rows(snapshot)] == [1, 10_000_000, 1]
