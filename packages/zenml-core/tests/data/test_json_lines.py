from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from zenml.data.jsonl.commit import JSONLinesReader
from zenml.data.schema import LogicalType
from zenml.data.snapshot import Snapshot
from zenml.data.source_files import source_files

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
