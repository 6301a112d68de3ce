"""Trimming: the same rows as the same bytes, wherever they were cut out of."""

from __future__ import annotations

import pyarrow as pa


def trimmed(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch whose buffers end with its rows.

    A driver leaves in the last byte of a bitmap what was in memory, a slice leaves other rows, and a file its padding.
    """
    arrays = [pa.concat_arrays([column]) if _may_have_an_end(column) else column for column in batch.columns]
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)


def _may_have_an_end(column: pa.Array) -> bool:
    return bool(column.null_count) or pa.types.is_boolean(column.type) or not pa.types.is_primitive(column.type)
