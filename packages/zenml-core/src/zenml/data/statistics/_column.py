"""ColumnState: what is kept of one column while its batches go by."""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from zenml.data.hashing import Hashes
from zenml.data.schema import Feature, LogicalType
from zenml.data.shards import State
from zenml.data.statistics._distinct import Distinct
from zenml.data.statistics._moments import Moments
from zenml.data.statistics._sample import Sample
from zenml.data.statistics.summary import ColumnStatistics, Histogram, Lengths, Numbers

_NUMBERS = (LogicalType.INTEGER, LogicalType.FLOAT, LogicalType.TIMESTAMP)
_TEXTS = (LogicalType.STRING, LogicalType.BYTES)
_TOP = 20
_BARS = 20
_QUANTILES = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)


class ColumnState:
    """Mergeable statistics of one column.

    Not-a-number counts as missing. Infinities are counted, and are no part of moments, quantiles and histogram.
    """

    def __init__(self, feature: Feature, size: int) -> None:
        self.feature = feature
        self.rows = 0
        self.missing = 0
        self.infinite = 0
        self.moments = Moments()
        self.sample = Sample(size)
        self.distinct = Distinct(_counted_type(feature))

    def update(self, array: pa.Array, hashes: Hashes) -> None:
        """Add a batch's cells, with the hashes of its rows."""
        self.rows += len(array)
        self.missing += array.null_count
        if array.null_count:
            if self.feature.type in _NUMBERS:
                hashes = hashes[array.is_valid().to_numpy(zero_copy_only=False)]
            array = array.drop_null()
        if self.feature.type in _NUMBERS:
            array = self._numbers(array, hashes)
        elif self.feature.type in _TEXTS:
            lengths = pc.utf8_length(array) if self.feature.type is LogicalType.STRING else pc.binary_length(array)
            self.moments.update(lengths.to_numpy(zero_copy_only=False).astype(np.int64))
        self.distinct.update(array)

    def _numbers(self, array: pa.Array, hashes: Hashes) -> pa.Array:
        if self.feature.type is LogicalType.TIMESTAMP:
            array = array.cast(pa.int64())
        values: npt.NDArray[np.float64] = array.to_numpy(zero_copy_only=False)
        # A finite sum means that every term is finite, and costs less than looking at each.
        if values.dtype.kind == "f" and not np.isfinite(_sum(values)):
            numbers = ~np.isnan(values)
            finite = np.isfinite(values)
            self.missing += len(values) - int(np.count_nonzero(numbers))
            self.infinite += int(np.count_nonzero(numbers)) - int(np.count_nonzero(finite))
            values, hashes = values[finite], hashes[finite]
            array = pa.array(values)
        self.moments.update(values)
        self.sample.update(hashes, values)
        return array

    def merge(self, other: Self) -> None:
        """Add the next shard's state of the same column."""
        self.rows += other.rows
        self.missing += other.missing
        self.infinite += other.infinite
        self.moments.merge(other.moments)
        self.sample.merge(other.sample)
        self.distinct.merge(other.distinct)

    def to_state(self) -> State:
        """Return the state of the column."""
        state: State = {
            "rows": self.rows,
            "missing": self.missing,
            "infinite": self.infinite,
            "moments": self.moments.to_state(),
            "distinct": self.distinct.to_state(),
        }
        if self.feature.type in _NUMBERS:
            state["sample"] = self.sample.to_state()
        return state

    @classmethod
    def from_state(cls, feature: Feature, size: int, state: State) -> Self:
        """Read what `to_state` gave."""
        column = cls(feature, size)
        column.rows, column.missing, column.infinite = state["rows"], state["missing"], state["infinite"]
        column.moments = Moments.from_state(state["moments"])
        column.distinct = Distinct.from_state(_counted_type(feature), state["distinct"])
        if "sample" in state:
            column.sample = Sample.from_state(state["sample"], size)
        return column

    def result(self) -> ColumnStatistics:
        """Return the summary of the column."""
        kind, top = self.feature.type, self.distinct.top(_TOP)
        readable = kind is not LogicalType.BYTES and top is not None
        return ColumnStatistics(
            name=self.feature.name,
            type=kind,
            count=self.rows - self.missing,
            missing=self.missing,
            distinct=self.distinct.count,
            distinct_exact=self.distinct.exact,
            top=tuple((value, count) for value, count in top or ()) if readable else None,
            numbers=self._summary() if kind in _NUMBERS and self.moments.count else None,
            lengths=_lengths(self.moments) if kind in _TEXTS and self.moments.count else None,
        )

    def _summary(self) -> Numbers:
        values, moments = self.sample.values(), self.moments
        low, high = float(moments.low or 0), float(moments.high or 0)
        quantiles = _quantiles(values if len(values) else np.array([moments.mean]), low, high)
        return Numbers(
            mean=moments.mean,
            std=moments.deviation,
            min=moments.low or 0,
            max=moments.high or 0,
            infinite=self.infinite,
            quantiles={str(share): float(value) for share, value in zip(_QUANTILES, quantiles, strict=True)},
            histogram=_histogram(values, low, high, moments.count),
            sampled=None if self.sample.exact else len(values),
        )


def _counted_type(feature: Feature) -> pa.DataType:
    return pa.int64() if feature.type is LogicalType.TIMESTAMP else feature.type.arrow


def _sum(values: npt.NDArray[np.float64]) -> float:
    with np.errstate(over="ignore", invalid="ignore"):
        return float(values.sum())


def _quantiles(values: npt.NDArray[np.float64], low: float, high: float) -> npt.NDArray[np.float64]:
    with np.errstate(over="ignore", invalid="ignore"):
        return np.clip(np.quantile(values, _QUANTILES), low, high)


def _lengths(moments: Moments) -> Lengths:
    return Lengths(mean=moments.mean, min=int(moments.low or 0), max=int(moments.high or 0))


def _histogram(values: npt.NDArray[np.float64], low: float, high: float, count: int) -> Histogram:
    shares = np.linspace(0, 1, _BARS + 1 if high > low else 2)
    borders = low * (1 - shares) + high * shares
    places = np.searchsorted(values, borders[1:-1], side="left")
    bars = np.diff(np.concatenate(([0], places, [len(values)])))
    if len(values) < count:
        # Scale the sample up by differences of rounded running totals, so that the bars still sum to the count.
        totals = np.concatenate(([0], np.cumsum(bars))) / max(1, len(values))
        bars = np.diff(np.rint(totals * count).astype(np.int64))
    return Histogram(tuple(borders.tolist()), tuple(bars.tolist()))
