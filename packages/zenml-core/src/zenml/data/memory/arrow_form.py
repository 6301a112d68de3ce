"""The Arrow form of what other libraries hold in memory."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

_INDEX = re.compile(r"__index_level_\d+__")


def to_table(data: object) -> pa.Table:
    """Return a table of what a library holds in memory, without a copy where it can be.

    Args:
        data: anything with the Arrow C stream interface (data frames of pandas 2.2 and newer, polars, DuckDB, Arrow
            itself), a NumPy array with named fields, or a mapping of names to arrays of one length. Rows of arrays of
            two dimensions become lists of a fixed length.

    Raises:
        TypeError: it is none of these.
        pa.ArrowException: values that are of no type or of several.
    """
    if isinstance(data, pa.Table):
        return data
    if hasattr(data, "__arrow_c_stream__"):
        table = pa.RecordBatchReader.from_stream(data).read_all()
        # Row labels without a name are no data; pandas passes them on.
        return table.drop_columns([name for name in table.column_names if _INDEX.fullmatch(name)])
    if isinstance(data, pa.RecordBatch):
        return pa.Table.from_batches([data])
    if isinstance(data, np.ndarray):
        if data.dtype.names is None:
            shape = " x ".join(map(str, data.shape))
            raise TypeError(f"an array ({shape}) has no names for its columns; give them: {{'x': array, …}}")
        return pa.table({name: _column(name, data[name]) for name in data.dtype.names})
    if isinstance(data, Mapping):
        return pa.table({str(name): _column(str(name), values) for name, values in data.items()})
    raise TypeError(f"{type(data).__name__} is no table: it has no Arrow C stream, no named fields and no items")


def _column(name: str, values: Any) -> pa.Array:
    if isinstance(values, np.ndarray) and values.ndim == 2 and values.shape[1]:
        return pa.FixedSizeListArray.from_arrays(_column(name, values.reshape(-1)), values.shape[1])
    if isinstance(values, np.ndarray) and values.ndim != 1:
        raise TypeError(f"column {name!r} has the shape {values.shape}; give it two dimensions: rows and values")
    if isinstance(values, np.ma.MaskedArray):
        return pa.array(values.data, mask=np.ma.getmaskarray(values))
    found = pa.array(values)
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
