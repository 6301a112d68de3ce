"""A generated table like a year of departures from an airport: 19 columns, numbers and texts, some cells missing."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from zenml.steps.preprocesser import StandardPreprocesser

CARRIERS = ("UA", "AA", "DL", "B6", "EV", "MQ", "US", "WN", "VX", "FL", "AS", "9E", "F9", "HA", "YV", "OO")


def write_flights(folder: Path, *, rows: int, files: int, seed: int = 2013) -> str:
    """Write the table as CSV files; return their pattern."""
    chance = np.random.default_rng(seed)
    table = flights(rows, chance)
    folder.mkdir(parents=True)
    borders = np.linspace(0, rows, files + 1).astype(int)
    for number, (first, end) in enumerate(itertools.pairwise(borders)):
        pa_csv.write_csv(table.slice(first, end - first), folder / f"flights-{number}.csv")
    return str(folder / "flights-*.csv")


def flights(rows: int, chance: np.random.Generator) -> pa.Table:
    """Generate the table."""
    minutes = np.sort(chance.integers(0, 365 * 24 * 60, rows))
    days = minutes // 1440
    departure = minutes % 1440
    delay = np.round(chance.exponential(25, rows) - 12).astype(np.int64)
    flown = chance.normal(150, 90, rows).clip(20, 695).astype(np.int64)
    canceled = chance.random(rows) < 0.0245
    no_arrival = canceled | (chance.random(rows) < 0.0035)
    tails = np.array([f"N{number}{letters}" for number in range(101, 775) for letters in CARRIERS[:6]])
    airports = np.array([f"{chr(65 + n % 26)}{chr(65 + n // 7 % 26)}{chr(65 + n * 11 % 26)}" for n in range(105)])
    hours = (np.datetime64("2013-01-01T00") + (minutes // 60).astype("timedelta64[h]")).astype(str)
    return pa.table(
        {
            "year": np.full(rows, 2013),
            "month": np.minimum(days // 31 + 1, 12),
            "day": days % 31 + 1,
            "dep_time": _holes(_clock(departure + delay), canceled),
            "sched_dep_time": _clock(departure),
            "dep_delay": _holes(delay, canceled),
            "arr_time": _holes(_clock(departure + delay + flown), no_arrival),
            "sched_arr_time": _clock(departure + flown),
            "arr_delay": _holes(delay + chance.normal(-7, 15, rows).astype(np.int64), no_arrival),
            "carrier": chance.choice(np.array(CARRIERS), rows),
            "flight": chance.integers(1, 8500, rows),
            "tailnum": _holes(chance.choice(tails, rows), chance.random(rows) < 0.0075),
            "origin": chance.choice(np.array(["EWR", "JFK", "LGA"]), rows),
            "dest": chance.choice(airports, rows),
            "air_time": _holes(flown, no_arrival),
            "distance": (flown * 7.5).astype(np.int64),
            "hour": departure // 60,
            "minute": departure % 60,
            "time_hour": pc.binary_join_element_wise(pa.array(hours), pa.scalar(":00:00Z"), ""),
        }
    )


def preprocesser() -> StandardPreprocesser:
    """Return a preprocesser whose columns of many values become numbers, not one column per value."""
    vocabulary = {"transform": [{"method": "compute_and_apply_vocabulary"}]}
    return StandardPreprocesser(
        labels=["arr_delay"], overwrite=dict.fromkeys(("tailnum", "dest", "time_hour"), vocabulary)
    )


def _clock(minutes: np.ndarray) -> np.ndarray:
    """Return minutes as hours and minutes in one number: 517 is 5:17."""
    minutes = minutes % 1440
    return minutes // 60 * 100 + minutes % 60


def _holes(values: np.ndarray, missing: np.ndarray) -> pa.Array:
    return pa.array(values, mask=missing)
