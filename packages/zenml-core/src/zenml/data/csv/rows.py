"""Rows as they are written: cells joined and quoted, so that a bad row can be kept as text."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from zenml.data.csv.form import CSVForm


def row_texts(columns: Sequence[pa.BinaryArray], form: CSVForm) -> pa.BinaryArray:
    """Return rows as CSV, without line ends: what is read from it is what was read to make it.

    Args:
        columns: the cells as binary arrays; null where an unquoted cell was a null marker.
        form: how to write them.
    """
    missing = b"" if not form.null_values or "" in form.null_values else form.null_values[0].encode()
    cells = [pc.fill_null(_written(column, form), pa.scalar(missing, pa.binary())) for column in columns]
    return pc.binary_join_element_wise(*cells, pa.scalar(form.delimiter.encode(), pa.binary()))


def _written(cells: pa.BinaryArray, form: CSVForm) -> pa.BinaryArray:
    special = f"[{re.escape(form.delimiter + form.quote + form.escape)}\r\n]"
    found = pc.match_substring_regex(cells, special)
    if not form.quote:
        if not form.escape or not pc.any(found).as_py():
            return cells
        return pc.replace_substring_regex(cells, f"({special})", _literal(form.escape) + r"\1")
    markers = pa.array([each.encode() for each in form.null_values], pa.binary())
    quoted = pc.or_kleene(found, pc.is_in(cells, value_set=markers))
    if not pc.any(quoted).as_py():
        return cells
    inside = cells
    if form.escape:
        inside = pc.replace_substring(inside, form.escape, form.escape * 2)
    twice = form.quote * 2 if form.doubled else form.escape + form.quote
    inside = pc.replace_substring(inside, form.quote, twice)
    quote = pa.scalar(form.quote.encode(), pa.binary())
    enclosed = pc.binary_join_element_wise(quote, inside, quote, pa.scalar(b"", pa.binary()))
    return pc.if_else(quoted, enclosed, cells)


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\")
