"""Blocks of lines through Arrow's parser, which sees to speed; what it cannot read is left to others."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.json as arrow_json

_NEWLINE, _RETURN, _OPENING, _CLOSING = b"\n\r{}"


def count_lines(block: bytes) -> int:
    """Return how many lines of a block are not blank."""
    return sum(1 for line in block.split(b"\n") if line.strip())


def first_lines(block: bytes, count: int) -> bytes:
    """Return a block without the lines after so many that are not blank."""
    if block.count(b"\n") < count:
        return block
    return b"\n".join([line for line in block.split(b"\n") if line.strip()][:count])


def read_block(block: bytes, schema: pa.Schema | None, unexpected: str) -> pa.Table | None:
    """Read a block of lines.

    Args:
        block: whole lines.
        schema: types of the columns to expect.
        unexpected: what to do with others: "error", "ignore" or "infer".

    Returns:
        A row per line that is not blank, or None where not each of them is one object that Arrow can read.
    """
    lines = _count_objects(block)
    if lines is None:
        return None
    try:
        table = arrow_json.read_json(
            pa.BufferReader(block),
            read_options=arrow_json.ReadOptions(use_threads=False, block_size=len(block) + 1),
            parse_options=arrow_json.ParseOptions(
                explicit_schema=schema, newlines_in_values=False, unexpected_field_behavior=unexpected
            ),
        )
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeDecodeError):
        return None
    return table if table.num_rows == lines else None


def _count_objects(block: bytes) -> int | None:
    """Return how many lines are not blank, or None if one does not look like an object.

    Arrow does not mind where lines end, and breaks down at other values.
    """
    data = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(data == _NEWLINE)
    if not block.endswith(b"\n"):
        ends = np.append(ends, len(data))
    starts = np.append(0, ends[:-1] + 1)
    lasts = data[ends - 1]
    lasts = np.where(lasts == _RETURN, data[ends - 2], lasts)
    if (data[starts] == _OPENING).all() and (lasts == _CLOSING).all():
        return len(ends)
    lines = [line.strip() for line in block.split(b"\n") if line.strip()]
    return len(lines) if all(line.startswith(b"{") and line.endswith(b"}") for line in lines) else None
