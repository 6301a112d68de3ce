from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from zenml.data.csv.commit import CSVReader
from zenml.data.jsonl.commit import JSONLinesReader
from zenml.data.snapshot import Snapshot
from zenml.data.tables import bad_rows as rules
from zenml.data.tables.quarantine import short_names
from zenml.datasources.csv import CSVDatasource
from zenml.datasources.json_lines import JSONLinesDatasource
from zenml.errors import ConfigError, DataError
from zenml.testing.hostile import HostileProcessingBackend

GOOD_CSV = "1,x,2024-01-01\n"
GOOD_JSON = '{"n": 1, "word": "x", "day": "2024-01-01"}\n'
TYPES = {"day": "timestamp"}


@pytest.fixture
def table(tmp_path: Path, run_step: Any) -> Any:
    """Return a function that writes a file, reads it, CSV or JSON lines, and gives the snapshot."""

    def read(body: str | bytes, **config: Any) -> Snapshot:
        body = body.encode() if isinstance(body, str) else body
        lines = body.lstrip().startswith(b"{")
        path = tmp_path / ("table.jsonl" if lines else "table.csv")
        path.write_bytes(body if lines else b"n,word,day\n" + body)
        kind = JSONLinesDatasource if lines else CSVDatasource
        return Snapshot.of(run_step(kind(name="t", path=str(path), **{"types": TYPES, **config})))

    return read


def bad(snapshot: Snapshot) -> list[tuple[Any, ...]]:
    """Return the rows of the quarantine but the file."""
    return [tuple(row.values())[1:] for batch in snapshot.quarantine() for row in batch.to_pylist()]


def rows(snapshot: Snapshot) -> int:
    return snapshot.rows("all")


NO_TIME = "not a date or time that exists, in ISO 8601 and microseconds"
BAD_CSV = b"""z,\xff,2024-01-01
1
1,2,3,\xe9
99999999999999999999,y,
1,"q""
,",2023-02-30
4,ok,2024-02-02
5,x\x00,
,,
2,NA,2024-01-01 25:00
"""


def test_bad_rows_of_csv_are_kept_with_where_and_why(table: Any) -> None:
    snapshot = table(GOOD_CSV.encode() * 200 + BAD_CSV, on_bad_rows="quarantine")
    assert bad(snapshot) == [
        (201, "n", "not an integer", b"z,\xff,2024-01-01"),
        (202, None, "too few cells", b"1"),
        (203, None, "too many cells", b"1,2,3,\xe9"),
        (204, "n", "beyond the range of 64-bit integers", b"99999999999999999999,y,"),
        (205, "day", NO_TIME, b'1,"q""\n,",2023-02-30'),
        (207, "word", "text with a null byte", b"5,x\x00,"),
        (209, "day", NO_TIME, b"2,,2024-01-01 25:00"),
    ]
    assert rows(snapshot) == 202
    assert snapshot.properties["bad_rows"] == {
        "rows": 7,
        "share": 7 / 209,
        "reasons": {
            NO_TIME: 2,
            "beyond the range of 64-bit integers": 1,
            "not an integer": 1,
            "text with a null byte": 1,
            "too few cells": 1,
            "too many cells": 1,
        },
        "quarantine": [7],
    }


BAD_JSON = b"""{"n": "z", "word": [1]}
{"n": 1, "word": [1]}
{oops
\xff
{"n": 1, "other": 2}
{"n": 1, "n": 2}
{"day": "2024-13-01"}
[1]
{"n": 99999999999999999999}
{"n": 7, "word": "good"}
{"word": "\\ud800"}
{"n": 1, "word": "a\0b"}
"""


def test_bad_lines_of_json_are_kept_with_where_and_why(table: Any) -> None:
    # The sample does not reach the bad lines, so that no column is made of their members.
    snapshot = table(GOOD_JSON.encode() * 65_536 + BAD_JSON, on_bad_rows="quarantine")
    lines = BAD_JSON.splitlines()
    nested = "a list, and nested values have no place in a table of features"
    assert bad(snapshot) == [
        (65_537, "n", "a text, not an integer", lines[0]),
        (65_538, "word", nested, lines[1]),
        (65_539, None, "not JSON", lines[2]),
        (65_540, None, "not UTF-8 text", lines[3]),
        (65_541, "other", "a member that the first rows do not have", lines[4]),
        (65_542, "n", "a repeated member", lines[5]),
        (65_543, "day", NO_TIME, lines[6]),
        (65_544, None, "not an object", lines[7]),
        (65_545, "n", "beyond the range of 64-bit integers", lines[8]),
        (65_547, "word", "not Unicode text: half of a surrogate pair stands alone", lines[10]),
        (65_548, None, "not JSON", lines[11]),
    ]
    assert rows(snapshot) == 65_537


@pytest.mark.parametrize(("good", "one_bad"), [(GOOD_CSV, "x,x,\n"), (GOOD_JSON, '{"n": "x"}\n')])
def test_skipped_rows_are_counted_and_gone(table: Any, run_step: Any, good: str, one_bad: str) -> None:
    snapshot = table(good * 80 + one_bad * 2, on_bad_rows="skip")
    assert rows(snapshot) == 80
    assert bad(snapshot) == []
    assert not (snapshot.path / "quarantine").exists()
    assert snapshot.properties["bad_rows"]["rows"] == 2
    assert "quarantine" not in snapshot.properties["bad_rows"]
    (warning,) = run_step.notes.warnings
    assert warning.startswith("2 of 82 rows (2.44%) are bad (2 ")
    assert "were left out; the first: " in warning
    assert ", row 81, column n: " in warning


def test_the_step_says_how_many_are_in_quarantine(table: Any, run_step: Any) -> None:
    table(GOOD_CSV * 80 + "x,x,\n", on_bad_rows="quarantine")
    assert "rows in quarantine: 1, for Snapshot.quarantine() to read" in run_step.notes.logs


@pytest.mark.parametrize(("good", "one_bad"), [(GOOD_CSV, "x,x,\n"), (GOOD_JSON, '{"n": "x"}\n')])
def test_too_many_bad_rows_are_an_error_that_lists_the_first(
    table: Any, run_step: Any, good: str, one_bad: str
) -> None:
    text = good * 97 + one_bad * 3
    assert rows(table(text, on_bad_rows="skip", max_bad_share=0.03)) == 97
    with pytest.raises(DataError) as error:
        table(text, on_bad_rows="quarantine", max_bad_share=0.02)
    head, *others = error.value.problems
    assert head.what.startswith("3 of 100 rows (3.00%) are bad (3 ")
    assert head.what.endswith("and max_bad_share allows 2.00%")
    assert head.mend == "Mend them, or raise max_bad_share if so many may be left out"
    assert [problem.where.split(", ")[1] for problem in others] == ["row 98", "row 99", "row 100"]
    assert not (run_step.root / "step-2" / "out" / "quarantine").exists()


@pytest.mark.parametrize("text", ["1\n2,3,4,5\n", '{"n": 1}\n{"n": "x"}\n', "\xff"])
def test_a_source_of_bad_rows_alone_is_an_error(table: Any, text: str) -> None:
    types = {"n": "timestamp"} if text.startswith("{") else TYPES
    with pytest.raises(DataError, match=r"are bad|no row"):
        table(text, on_bad_rows="skip", max_bad_share=1, types=types)


def test_other_numbers_widen_a_column_unless_their_row_is_bad(table: Any) -> None:
    good = GOOD_CSV * 70_000
    widened = table(good + "2.5,x,\nz,y,\n", on_bad_rows="quarantine")
    assert widened.schema["n"].type.value == "float"
    assert [row[0] for row in bad(widened)] == [70_002]
    kept = table(good + "2.5,x,never\n", on_bad_rows="quarantine")
    assert kept.schema["n"].type.value == "integer"
    assert [row[1] for row in bad(kept)] == ["day"]
    lines = table(GOOD_JSON * 70_000 + '{"n": 2.5, "day": "never"}\n', on_bad_rows="skip")
    assert lines.schema["n"].type.value == "integer"


def test_faults_of_a_whole_file_stay_errors(table: Any) -> None:
    with pytest.raises(DataError, match="a quoted cell is opened and never closed"):
        table(GOOD_CSV * 50 + '1,"x,\n', on_bad_rows="skip")
    with pytest.raises(DataError, match="that is not in the header"):
        table(GOOD_CSV, on_bad_rows="skip", types={"m": "float"})
    with pytest.raises(DataError, match="values nested"):
        table('{"n": {"x": 1}}\n' * 9 + '{"n": 1}\n', on_bad_rows="skip", types={})
    assert rows(table('{"n": {"x": 1}}\n' + '{"n": 1}\n' * 40, on_bad_rows="skip", types={})) == 40


def test_ragged_rows_stand_in_order_among_the_others(table: Any) -> None:
    """A block of nothing but ragged rows leaves no batch, and each kind is found at another time."""
    body = [GOOD_CSV] * 10 + ["1,2\n"] * 60_000 + ["z,,\n", "1\n"] * 100 + [GOOD_CSV] * 10 + ["x,,\n", "9\n"]
    snapshot = table("".join(body), on_bad_rows="quarantine", max_bad_share=1, types={"n": "integer", **TYPES})
    found = bad(snapshot)
    assert [row[0] for row in found[:60_200]] == [*range(11, 60_211)]
    assert [row[3] for row in found[-3:]] == [b"1", b"x,,", b"9"]
    assert [row[0] for row in found[-2:]] == [60_221, 60_222]
    assert rows(snapshot) == 20


def test_ragged_rows_that_are_no_utf8_are_told_as_others_are(table: Any) -> None:
    with pytest.raises(DataError, match="row 51: 4 cells where the header has 3"):
        table(GOOD_CSV.encode() * 50 + b"1,2,3,\xff\n")


def test_rows_of_compressed_files_and_other_encodings_are_kept(tmp_path: Path, run_step: Any) -> None:
    text = "n,wörd\n" + "1,ä\n" * 50 + "é,ü\n"
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(text.encode("latin-1")))
    source = CSVDatasource(
        name="t", path=str(tmp_path / "t.csv.gz"), encoding="latin-1", on_bad_rows="quarantine", tfrecord=False
    )
    snapshot = Snapshot.of(run_step(source))
    assert [tuple(row.values()) for batch in snapshot.quarantine() for row in batch.to_pylist()] == [
        ("t.csv.gz", 51, "n", "not an integer", "é,ü".encode())
    ]


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_every_engine_keeps_the_same_bytes(
    tmp_path: Path, run_step: Any, files_of: Any, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    for number, folder in enumerate(("a", "b")):
        (tmp_path / folder).mkdir()
        good = {"n": 1, "word": "x", "day": "2024-01-01"}
        table = [good if n % 13 else {**good, ("n" if n % 2 else "day"): f"b{n}"} for n in range(number, 600)]
        text = "".join(json.dumps(row) + "\n" for row in table)
        if ending == "csv":
            cells = [",".join(map(str, row.values())) + (",more" if n % 50 == 7 else "") for n, row in enumerate(table)]
            text = "n,word,day\n" + "\n".join(cells)
        (tmp_path / folder / f"t.{ending}").write_text(text)
    reader, kind = (CSVReader, CSVDatasource) if ending == "csv" else (JSONLinesReader, JSONLinesDatasource)
    monkeypatch.setattr(reader.__init__, "__defaults__", (2_000, rules.REFUSE))
    types = {"n": "integer", **TYPES}
    source = kind(
        name="t", path=str(tmp_path / f"?/t.{ending}"), on_bad_rows="quarantine", max_bad_share=0.2, types=types
    )
    here = run_step(source)
    there = run_step(source, engine=HostileProcessingBackend(seed=5))
    assert len(here.properties["bad_rows"]["quarantine"]) > 5
    assert here.properties == there.properties
    assert files_of(here.path) == files_of(there.path)
    batches = list(Snapshot.of(here).quarantine())
    found = [row for batch in batches for row in batch.to_pylist()]
    assert {row["file"] for row in found} == {f"a/t.{ending}", f"b/t.{ending}"}
    assert [(row["file"], row["row"]) for row in found] == sorted((row["file"], row["row"]) for row in found)
    lines = {name: (tmp_path / name).read_text().splitlines() for name in (f"a/t.{ending}", f"b/t.{ending}")}
    header = ending == "csv"
    assert all(lines[row["file"]][row["row"] - (not header)].encode() == row["text"] for row in found)


def test_good_files_give_the_same_snapshot_whatever_becomes_of_bad_rows(
    table: Any, files_of: Any, tmp_path: Path
) -> None:
    for good in (GOOD_CSV, GOOD_JSON):
        kept = table(good * 100, on_bad_rows="quarantine")
        assert kept.properties["bad_rows"] == {"rows": 0, "share": 0.0, "reasons": {}, "quarantine": [0]}
        assert files_of(kept.path) == files_of(table(good * 100).path)


def test_only_what_differs_from_the_default_counts_in_the_identity(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a\n1\n")
    settings: list[dict[str, Any]] = [
        {},
        {"on_bad_rows": "skip"},
        {"on_bad_rows": "quarantine"},
        {"on_bad_rows": "skip", "max_bad_share": 0.5},
        {"quote_char": "'"},
        {"escape_char": "\\"},
        {"double_quote": False},
    ]
    identities = [CSVDatasource(name="t", path=str(path), **each).identity() for each in settings]
    assert len(set(identities)) == len(settings)
    # The identity of a source from before these settings existed.
    assert set(CSVDatasource(name="t", path=str(path)).parsing([])) == set(CSVDatasource.PARSING)
    same = {"on_bad_rows": "error", "max_bad_share": 0.05, "quote_char": '"', "escape_char": None}
    assert CSVDatasource(name="t", path=str(path), **same).identity() == identities[0]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"on_bad_rows": "drop"}, "on_bad_rows"),
        ({"on_bad_rows": "skip", "max_bad_share": 5}, "max_bad_share"),
        ({"max_bad_share": 0.5}, "max_bad_share counts only where bad rows are left out"),
    ],
)
def test_the_settings_are_checked(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        JSONLinesDatasource(name="t", path="t.jsonl", **config)
    assert message in str(error.value)


def test_files_are_named_below_the_folder_that_all_are_in() -> None:
    assert short_names(["/d/x/a.csv", "/d/y/a.csv"]) == {"/d/x/a.csv": "x/a.csv", "/d/y/a.csv": "y/a.csv"}
    assert short_names(["s3://b/a.csv"]) == {"s3://b/a.csv": "a.csv"}
    assert short_names([]) == {}
