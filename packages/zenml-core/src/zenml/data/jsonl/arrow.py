"""Blocks of lines through Arrow's parser, which sees to speed; what it cannot read is left to others."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.json as arrow_json


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
        A row per line that is not blank, or None if Arrow does not see it so, or cannot read it.
    """
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
    ends = block.count(b"\n") + (not block.endswith(b"\n"))
    return table if table.num_rows == ends or table.num_rows == count_lines(block) else None
