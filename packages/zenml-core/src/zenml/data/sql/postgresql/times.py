"""Times of PostgreSQL that 64-bit microseconds since 1970 cannot hold, which its driver lets wrap around."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from zenml.errors import DataError

_FIRST_DAY = -2_440_588
"""The first date that PostgreSQL has, in days since 1970; infinities and times too late come out before it."""

_DAY = 86_400_000_000
_LAST_DAY = (2**63 - 1) // _DAY


def refuse_wrapped_times(batch: pa.RecordBatch, first: int, place: str) -> None:
    """Refuse infinite times, and those after the year 294246.

    Args:
        batch: rows as the driver gives them.
        first: how many rows came before.
        place: what to call the source in an error.

    Raises:
        DataError: there is one.
    """
    for field, column in zip(batch.schema, batch.columns, strict=True):
        if pa.types.is_date32(field.type):
            numbers = column.view(pa.int32())
            bad = pc.or_(pc.less(numbers, _FIRST_DAY), pc.greater(numbers, _LAST_DAY))
        elif pa.types.is_timestamp(field.type):
            bad = pc.less(column.view(pa.int64()), _FIRST_DAY * _DAY)
        else:
            continue
        row = pc.index(bad, True).as_py()
        if row >= 0:
            raise DataError(
                "a time is infinite, or too late for microseconds in 64 bits",
                f"{place}, row {first + row + 1}, column {field.name}",
                f'Let a query replace it, or declare it: types={{"{field.name}": "string"}}',
            )
