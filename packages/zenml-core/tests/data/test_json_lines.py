from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from zenml.data.jsonl.commit import JSONLinesReader
from zenml.data.schema import LogicalType
from zenml.data.snapshot import Snapshot
from zenml.data.source_files import source_files
from zenml.data.tables.bad_rows import BadRowRule
from zenml.errors import DataError

KINDS = {"n": LogicalType.INTEGER, "x": LogicalType.FLOAT, "flag": LogicalType.BOOLEAN, "word": LogicalType.STRING}
objects = st.fixed_dictionaries(
    {"n": st.integers(-(1 << 63), (1 << 63) - 1) | st.none()},
    optional={
        "x": st.floats(allow_nan=False, allow_infinity=False) | st.none(),
        "flag": st.booleans() | st.none(),
        "word": st.text(st.characters(exclude_categories=["Cs"])) | st.none(),
    },
)


def read(lines: list[str], target: int) -> list[dict[str, Any]]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "t.jsonl"
        path.write_text("\n".join(lines), encoding="utf-8", newline="")
        reader = JSONLinesReader(source_files(str(path)), KINDS, None, False, print, target)
        out = Path(folder) / "out"
        read = reader.read(out, Path(folder), lambda job: [job.open().op.work(shard) for shard in job.shards])
        snapshot = Snapshot(out, {"splits": read.splits})
        return [row for batch in snapshot.batches("all") for row in batch.to_pylist()]


@settings(deadline=None, max_examples=30)
@given(table=st.lists(objects, min_size=1, max_size=8), target=st.integers(40, 300), ascii_only=st.booleans())
def test_what_json_wrote_is_read_back(table: list[dict[str, Any]], target: int, ascii_only: bool) -> None:
    lines = [json.dumps(row, ensure_ascii=ascii_only) for row in table]
    assert read(lines, target) == [{name: row.get(name) for name in KINDS} for row in table]


@settings(deadline=None, max_examples=30)
@given(table=st.lists(objects, min_size=1, max_size=20))
def test_lines_read_one_by_one_give_what_arrow_gives(table: list[dict[str, Any]]) -> None:
    lines = [json.dumps(row) for row in table]
    whole = read(lines, 1 << 20)
    # Arrow takes no number in quotes, so the whole block is read line by line.
    odd = read([*lines, '{"n": "7"}'], 1 << 20)
    assert odd == [*whole, {"n": 7, "x": None, "flag": None, "word": None}]


ROWS = [b'{"n": 1, "word": "a"}', b'{"n": 2}', b'{"n": 2.5, "x": 1}', b'{"n": "3", "x": "1.5", "flag": "true"}']
PARTS = [b'{"word": "', b'\\u00e9\\ud800"}', b"{", b"}", b"[1]", b"\xff", b"\0", b" ", b"\r\n", b"null", b'{"n": {']
fragments = st.sampled_from([*ROWS, *PARTS, b"\n", b"\n", b"\n", b"\n"])


@settings(deadline=None, max_examples=60)
@given(parts=st.lists(fragments, max_size=40), target=st.integers(1, 60))
@example(parts=[b"null"], target=3)  # Arrow crashes on it
@example(parts=[b"\n", b'{"n": 2}', b'{"n": 2}'], target=3)  # as many objects as lines
def test_good_and_bad_lines_do_not_depend_on_the_ranges(parts: list[bytes], target: int) -> None:
    data = b'{"n": 1}\n' + b"".join(parts)
    assert read_all(data, target) == read_all(data, 1 << 20)


def read_all(data: bytes, target: int) -> Any:
    """Return the good rows and the bad ones of a file, or what is wrong with it; and say that none is lost."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "t.jsonl").write_bytes(data)
        files = source_files(str(folder / "t.jsonl"))
        reader = JSONLinesReader(files, KINDS, None, False, lambda _: None, target, BadRowRule("quarantine", 1.0))
        try:
            found = reader.read(folder / "out", folder, lambda job: [job.open().op.work(shard) for shard in job.shards])
        except DataError as error:
            return str(error).replace(name, "")
        snapshot = Snapshot(folder / "out", {"splits": found.splits, "bad_rows": found.bad_rows})
        good = [row for batch in snapshot.batches("all") for row in batch.to_pylist()]
        bad = [row for batch in snapshot.quarantine() for row in batch.to_pylist()]
        lines = [line for line in data.split(b"\n") if line.strip()]
        assert len(good) + len(bad) == len(lines)
        assert [row["text"] for row in bad] == [lines[row["row"] - 1] for row in bad]
        return good, bad
