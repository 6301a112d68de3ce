"""Tables generated from a seed, written as CSV in pieces so that any size fits into memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

PIECE = 1 << 18
"""Rows that are generated at a time."""

MIXED_NUMBERS, MIXED_CATEGORIES, MIXED_TEXTS = 10, 8, 2


def write(path: Path, rows: int, piece: Callable[[np.random.Generator, int], pa.Table], seed: int = 1729) -> None:
    """Write a CSV file of so many rows.

    Args:
        path: the file.
        rows: its row count.
        piece: generates so many rows.
        seed: of what is generated.
    """
    chance = np.random.default_rng(seed)
    with arrow_csv.CSVWriter(path, piece(chance, 0).schema) as writer:
        for first in range(0, rows, PIECE):
            writer.write_table(piece(chance, min(PIECE, rows - first)))


def numeric(chance: np.random.Generator, rows: int) -> pa.Table:
    """Generate eight columns of numbers with five decimals, and a label of 0 and 1."""
    columns = {f"x{place}": np.round(chance.standard_normal(rows), 5) for place in range(8)}
    return pa.table({**columns, "label": chance.integers(0, 2, rows)})


def mixed(chance: np.random.Generator, rows: int) -> pa.Table:
    """Generate twenty columns: integers and decimals, categories of 3 to 384 values, names; a tenth of cells missing.

    The label, `n0`, has no missing cell.
    """
    columns: dict[str, pa.Array] = {}
    for place in range(MIXED_NUMBERS):
        whole = chance.integers(0, 10 ** (1 + place % 6), rows)
        decimal = np.round(chance.gamma(2.0, 10.0, rows), 3)
        columns[f"n{place}"] = _holes(chance, decimal if place % 2 else whole, 0.1 if place else 0.0)
    for place in range(MIXED_CATEGORIES):
        names = np.array([f"category {number}" for number in range(3 * 2**place)])
        columns[f"c{place}"] = _holes(chance, names[chance.integers(0, len(names), rows)], 0.1)
    for place in range(MIXED_TEXTS):
        columns[f"t{place}"] = _holes(chance, np.char.add("N", chance.integers(0, 10**6, rows).astype(str)), 0.1)
    return pa.table(columns)


def _holes(chance: np.random.Generator, values: np.ndarray, share: float) -> pa.Array:
    return pa.array(values, mask=chance.random(len(values)) < share)
