from __future__ import annotations

import datetime as dt
import gzip
import json
import math
from pathlib import Path
from typing import Any

import pytest

from zenml.data.jsonl.commit import JSONLinesReader
from zenml.data.snapshot import Snapshot
from zenml.data.source_files import source_files
from zenml.data.tables.bad_rows import REFUSE
from zenml.datasources.json_lines import JSONLinesDatasource
from zenml.errors import DataError
from zenml.testing.hostile import HostileProcessingBackend

at = dt.datetime.fromisoformat


@pytest.fixture
def table(tmp_path: Path, run_step: Any) -> Any:
    """Return a function that writes a file, reads it with the datasource, and gives the snapshot."""

    def read(text: str | bytes, **config: Any) -> Snapshot:
        path = tmp_path / "table.jsonl"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return Snapshot.of(run_step(JSONLinesDatasource(name="Table", path=str(path), **config)))

    return read


def types(snapshot: Snapshot) -> dict[str, str]:
    return {feature.name: feature.type.value for feature in snapshot.schema}


def rows(snapshot: Snapshot) -> list[dict[str, Any]]:
    return [row for batch in snapshot.batches("all") for row in batch.to_pylist()]


def problems(error: pytest.ExceptionInfo[DataError]) -> list[str]:
    """Return the problems, with file names cut to their last part."""
    return [str(problem).split("/")[-1] for problem in error.value.problems]


def test_infers_types_and_keeps_missing_values(table: Any) -> None:
    snapshot = table(
        '{"n": 1, "x": 1.5, "flag": true, "word": "a", "day": "2024-01-01"}\r\n\n'
        '{"word": null, "flag": null}\n'
        '{"day": "soon", "n": -3, "x": 2, "flag": false, "word": "\\u00fc\\n\\u0000"}'
    )
    assert types(snapshot) == {"n": "integer", "x": "float", "flag": "boolean", "word": "string", "day": "string"}
    assert rows(snapshot) == [
        {"n": 1, "x": 1.5, "flag": True, "word": "a", "day": "2024-01-01"},
        {"n": None, "x": None, "flag": None, "word": None, "day": None},
        {"n": -3, "x": 2.0, "flag": False, "word": "ü\n\0", "day": "soon"},
    ]


def test_not_a_number_is_missing_and_infinity_is_kept(table: Any) -> None:
    assert rows(table('{"x": 1.5}\n{"x": NaN}\n{"x": -Infinity}\n')) == [{"x": 1.5}, {"x": None}, {"x": -math.inf}]


def test_integer_widens_when_the_first_other_number_comes_late(table: Any) -> None:
    snapshot = table('{"x": 1, "y": 1}\n' * 70_000 + '{"x": 2.5, "y": 1}\n')
    assert types(snapshot) == {"x": "float", "y": "integer"}
    assert sum(batch.column("x").to_numpy().sum() for batch in snapshot.batches("all")) == 70_002.5


def test_a_value_of_another_kind_is_told_by_row(table: Any) -> None:
    lines = ['{"x": 1, "word": "a"}'] * 70_000 + ['{"x": "abc", "word": 3}', '{"x": {"y": 1}, "word": "b"}']
    with pytest.raises(DataError) as error:
        table("\n".join(lines))
    nested = "and nested values have no place in a table of features"
    assert [problem.split(". If")[0] for problem in problems(error)] == [
        "table.jsonl, row 70001, column x: '\"abc\"' is a text, not an integer",
        "table.jsonl, row 70001, column word: '3' is a number, not a text",
        f"table.jsonl, row 70002, column x: '{{\"y\": 1}}' is an object, {nested}",
    ]


def test_lines_that_are_no_objects_are_told_by_row_all_at_once(table: Any) -> None:
    good = '{"a": 1}\n'
    bad = ["{'a': 1}", '{"a": 1} {"a": 2}', "[1]", "7", '{"a": 1, "a": 2}', '{"a": 1', "x" * 3]
    with pytest.raises(DataError) as error:
        table((good * 3 + "\n".join(bad) + "\n").encode() + b'{"a": "\xff"}\n')
    found = problems(error)
    assert [problem.split(": ")[0] for problem in found] == [f"table.jsonl, row {row}" for row in range(4, 12)]
    assert found[0].endswith("Each line must be one JSON object")
    assert "row 6: the line holds a list, not an object" in found[2]
    assert "row 8: the object has 2 members called 'a'" in found[4]
    assert "row 11: byte 8 of the line is not UTF-8 text" in found[7]


def test_nested_values_are_refused_by_column(table: Any) -> None:
    with pytest.raises(DataError) as error:
        table('{"a": 1, "tags": null, "place": {"x": 1}}\n{"a": 1, "tags": [["x"]]}\n')
    assert [problem.split(": ")[0] for problem in problems(error)] == [
        "table.jsonl, column tags",
        "table.jsonl, column place",
    ]
    assert rows(table('{"tags": ["x"], "b": 2, "a": 1}\n', columns=["a", "b"])) == [{"a": 1, "b": 2}]


def test_columns_of_several_kinds_are_refused_unless_declared(table: Any) -> None:
    text = '{"x": 1.50}\n{"x": "a"}\n{"x": true}\n'
    with pytest.raises(DataError, match="column x: its first values are of several kinds: 1 numbers and 1 texts and 1"):
        table(text)
    assert [row["x"] for row in rows(table(text, types={"x": "string"}))] == ["1.50", "a", "true"]


def test_declared_types_stand_over_inferred_ones(table: Any) -> None:
    snapshot = table(
        '{"n": "12", "x": "1e3", "flag": "True", "raw": "é", "when": "2024-02-29T10:00:00+02:00"}\n{"n": 13}\n',
        types={"n": "integer", "x": "float", "flag": "boolean", "raw": "bytes", "when": "timestamp", "later": "float"},
    )
    assert rows(snapshot) == [
        {"n": 12, "x": 1000.0, "flag": True, "raw": "é".encode(), "when": at("2024-02-29T08:00:00"), "later": None},
        {"n": 13, "x": None, "flag": None, "raw": None, "when": None, "later": None},
    ]


def test_dates_that_do_not_exist_are_told_by_row(table: Any) -> None:
    with pytest.raises(DataError, match="row 2, column day: '2023-02-29' is not a date or time that exists"):
        table('{"day": "2024-02-29"}\n{"day": "2023-02-29"}\n', types={"day": "timestamp"})
    with pytest.raises(DataError, match="row 2, column day: '7' is not a date or time"):
        table('{"day": "2024-02-29"}\n{"day": 7}\n', columns=["day"], types={"day": "timestamp"})


def test_declared_integers_do_not_widen(table: Any) -> None:
    with pytest.raises(DataError, match=r"row 2, column x: '2.5' is not an integer"):
        table('{"x": 1}\n{"x": 2.5}\n', types={"x": "integer"})


def test_integers_beyond_64_bits_are_text_or_an_error(table: Any) -> None:
    big = str(1 << 63)
    assert rows(table(f'{{"x": {big}}}\n{{"x": 1}}\n')) == [{"x": big}, {"x": "1"}]
    with pytest.raises(DataError, match=f"row 41, column x: '{big}' is beyond the range of 64-bit integers"):
        table('{"x": 1}\n' * 40 + f'{{"x": {big}}}\n')


def test_numbers_beyond_floats_and_lone_surrogates_are_told(table: Any) -> None:
    with pytest.raises(DataError, match="row 2, column x: '1e400' is beyond the range of floats"):
        table('{"x": 1.5}\n{"x": 1e400}\n')
    with pytest.raises(DataError, match=r"row 2, column x: .* is not Unicode text: half of a surrogate"):
        table('{"x": "a"}\n{"x": "\\ud800"}\n')


def test_members_that_come_late_are_told_by_row(table: Any) -> None:
    text = '{"a": 1}\n' * 70_000 + '{"a": 2, "b": 3}\n'
    with pytest.raises(DataError) as error:
        table(text)
    assert problems(error)[0].startswith("table.jsonl, row 70001: it has a member 'b' that the first rows do not have")
    assert rows(table(text, types={"b": "integer"}))[-1] == {"a": 2, "b": 3}
    assert rows(table(text, columns=["a"]))[-1] == {"a": 2}


def test_many_problems_are_counted_and_the_first_are_shown(table: Any) -> None:
    with pytest.raises(DataError) as error:
        table('{"a": 1}\n' * 2000 + '{"a": "x"}\n' * 30 + "{\n" * 25)
    assert len(error.value.problems) == 21
    assert problems(error)[-1] == (
        "these are the first 20 of 55: 25 bad rows in table.jsonl, 30 bad cells of a in table.jsonl"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"\n \n", "there is no object with a member"),
        (b"{}\n", "there is no object with a member"),
        (b'[{"a": 1}]', "the file holds one JSON list. Write each of its objects on a line of its own"),
        (b"\x1f\x8b\x08\x00", "this is gzip"),
        ('{"a": 1}'.encode("utf-16"), "this is UTF-16"),
        (b'{\n "a": 1\n}\n', "table.jsonl: the line is not JSON"),
    ],
)
def test_files_that_are_no_table_are_refused(table: Any, content: bytes, message: str) -> None:
    with pytest.raises(DataError) as error:
        table(content)
    assert message in str(error.value)


def test_nothing_is_written_when_the_input_is_bad(table: Any, run_step: Any) -> None:
    with pytest.raises(DataError):
        table('{"a": 1}\n{"a": "x"}\n' + '{"a": 1}\n' * 50)
    assert [path for path in (run_step.root / "step-1" / "out").rglob("*") if path.is_file()] == []


def test_glob_reads_files_in_the_order_of_names_and_unites_their_members(tmp_path: Path, run_step: Any) -> None:
    (tmp_path / "1.jsonl").write_text('{"a": 1}\n')
    (tmp_path / "2.jsonl").write_text('{"b": "x", "a": 2}\n')
    snapshot = Snapshot.of(run_step(JSONLinesDatasource(name="t", path=str(tmp_path / "*.jsonl"))))
    assert rows(snapshot) == [{"a": 1, "b": None}, {"a": 2, "b": "x"}]


def test_url_is_read_through_fsspec(run_step: Any) -> None:
    import fsspec

    fsspec.filesystem("memory").pipe("/jsonl-datasource/one.jsonl", b'{"n": 1}\n{"n": 2}')
    datasource = JSONLinesDatasource(name="t", path="memory://jsonl-datasource/*.jsonl")
    assert rows(Snapshot.of(run_step(datasource))) == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize("target", [11, 64, 1000, 100_000])
def test_every_line_is_read_once_wherever_the_file_is_cut(tmp_path: Path, run_step: Any, target: int) -> None:
    lines = [json.dumps({"n": n, "word": "x" * (n * 37 % 300)}) for n in range(60)]
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join(lines[:30]) + "\n\n\n" + "\n".join(lines[30:]))
    reader = JSONLinesReader(source_files(str(path)), {}, None, False, run_step.notes.warn, target)
    read = reader.read(tmp_path / "out", tmp_path, lambda job: [job.open().op.work(shard) for shard in job.shards])
    snapshot = Snapshot(tmp_path / "out", {"splits": read.splits})
    assert [(row["n"], len(row["word"])) for row in rows(snapshot)] == [(n, n * 37 % 300) for n in range(60)]


def test_every_engine_gives_the_same_bytes(tmp_path: Path, run_step: Any, files_of: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(JSONLinesReader, "target", 5_000)
    monkeypatch.setattr(JSONLinesReader.__init__, "__defaults__", (5_000, REFUSE))
    path = tmp_path / "t.jsonl"
    odd = {3: {"x": 7}, 500: {"n": 3}}
    table = [odd.get(n, {"n": n, "x": n / 3, "word": f"w{n % 11}", "late": n if n < 900 else 0.5}) for n in range(1000)]
    path.write_text("\n".join(map(json.dumps, table)))
    datasource = JSONLinesDatasource(name="t", path=str(path))
    here = run_step(datasource)
    there = run_step(datasource, engine=HostileProcessingBackend(seed=7))
    assert len(here.properties["splits"]["all"]["shards"]) > 3
    assert files_of(here.path) == files_of(there.path)
    assert here.properties == there.properties


def test_compressed_files_are_unpacked(tmp_path: Path, run_step: Any) -> None:
    path = tmp_path / "t.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"n": 1}\n{"n": "x"}\n'))
    with pytest.raises(DataError, match=r"t.jsonl.gz, column n: its first values are of several kinds"):
        run_step(JSONLinesDatasource(name="t", path=str(path)))
    path.write_bytes(gzip.compress(b'{"n": 1}\n'))
    assert rows(Snapshot.of(run_step(JSONLinesDatasource(name="t", path=str(path))))) == [{"n": 1}]
