"""Vocabularies: categories as numbers or as one-hot vectors.

A vocabulary holds the distinct values of the training rows in ascending order (text by code points, false before true).
`top_k` and `frequency_threshold` leave rare values out; of equally frequent ones the smaller value is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from zenml.data.hashing import bytes_hashes, number_hashes
from zenml.data.transforms.counts import Counts
from zenml.data.transforms.method import Arrays, Fitted, Method
from zenml.data.transforms.summary import Need, Summary
from zenml.data.transforms.values import ARROW, CATEGORIES, ValueType

MOST_COLUMNS = 1024
"""The widest vector that one-hot encoding makes."""

_MISSING = -1


@dataclass(frozen=True, eq=False)
class _Places:
    """Where values stand in a vocabulary; behind it are buckets, by hash, for values that it does not hold."""

    values: pa.Array
    buckets: int

    def of(self, array: pa.Array) -> npt.NDArray[np.int64]:
        """Return the place of each value, -1 for null and for values without a place."""
        found = pc.index_in(array, value_set=self.values).fill_null(_MISSING)
        places: npt.NDArray[np.int64] = found.to_numpy().astype(np.int64)
        if self.buckets:
            other = (places == _MISSING) & array.is_valid().to_numpy(zero_copy_only=False)
            if other.any():
                hashes = _hashes(array.filter(pa.array(other)))
                places[other] = len(self.values) + (hashes % np.uint64(self.buckets)).astype(np.int64)
        return places


def _hashes(array: pa.Array) -> npt.NDArray[np.uint64]:
    if pa.types.is_string(array.type):
        return bytes_hashes(array)
    return number_hashes(array.cast(pa.int64()).to_numpy())


@dataclass(frozen=True, eq=False)
class Indexed(Fitted):
    """A value becomes its place in the vocabulary.

    A value that the vocabulary does not hold becomes one of the bucket numbers behind it, by its hash, or
    `default_value` where there is no bucket. A null stays null.
    """

    vocabulary: pa.Array
    num_oov_buckets: int
    default_value: int
    _places: _Places = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_places", _Places(self.vocabulary, self.num_oov_buckets))

    def apply(self, array: pa.Array) -> pa.Array:
        """Look the values up."""
        places = self._places.of(array)
        places[places == _MISSING] = self.default_value
        mask = array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None
        return pa.array(places, mask=mask)

    def summary(self, taken: Summary) -> Summary:
        """Count places instead of values."""
        made = Summary(ValueType.INTEGER, ())
        made.missing = taken.missing
        values, counts = taken.values().result()
        made.counts = Counts.of(ValueType.INTEGER, self.apply(values), counts)
        return made

    def to_json(self) -> Mapping[str, Any]:
        """Return nothing: parameters and vocabulary say it all."""
        return {}

    def arrays(self) -> Arrays:
        """Return the vocabulary."""
        return {"vocabulary": self.vocabulary}

    def categories(self) -> pa.Array | None:
        """Return the vocabulary."""
        return self.vocabulary


@dataclass(frozen=True, eq=False)
class OneHot(Fitted):
    """A value becomes a vector with a 1 at its place in the vocabulary.

    A value that the vocabulary does not hold has its 1 in one of the buckets behind it, by its hash; where there is no
    bucket, and for a null, the vector is all zero.
    """

    vocabulary: pa.Array
    num_oov_buckets: int
    _places: _Places = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_places", _Places(self.vocabulary, self.num_oov_buckets))

    def apply(self, array: pa.Array) -> pa.Array:
        """Make the vectors."""
        width = self.width()
        vectors = np.zeros((len(array), width), np.float32)
        places = self._places.of(array)
        rows = np.flatnonzero(places != _MISSING)
        vectors[rows, places[rows]] = 1
        return pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), width)

    def summary(self, taken: Summary) -> Summary:
        """Keep nothing: no method is fitted on vectors."""
        return Summary(ValueType.VECTOR, ())

    def to_json(self) -> Mapping[str, Any]:
        """Return nothing: parameters and vocabulary say it all."""
        return {}

    def arrays(self) -> Arrays:
        """Return the vocabulary."""
        return {"vocabulary": self.vocabulary}

    def width(self) -> int:
        """Return how many places there are."""
        return len(self.vocabulary) + self.num_oov_buckets

    def names(self, feature: str) -> list[str]:
        """Name each place by its value."""
        values = [_text(value) for value in self.vocabulary.to_pylist()]
        others = [f"<other {number}>" for number in range(self.num_oov_buckets)]
        return [f"{feature}={value}" for value in (*values, *others)]


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class _Vocabulary(Method):
    TAKES = CATEGORIES
    NEEDS: ClassVar[frozenset[Need]] = frozenset({Need.COUNTS})

    top_k: int | None = Field(default=None, ge=1)
    frequency_threshold: int = Field(default=1, ge=1)
    num_oov_buckets: int = Field(default=0, ge=0, le=MOST_COLUMNS)

    def _chosen(self, summary: Summary) -> pa.Array:
        values, counts = summary.values().result()
        keep = np.flatnonzero(counts >= self.frequency_threshold)
        if not len(keep):
            raise ValueError(
                f"no value occurs {self.frequency_threshold} times; lower frequency_threshold"
                if len(values)
                else "there is no value to learn from; leave the column out"
            )
        if self.top_k is not None and len(keep) > self.top_k:
            frequent = np.argsort(-counts[keep], kind="stable")[: self.top_k]
            keep = np.sort(keep[frequent])
        return values.take(pa.array(keep))


class ComputeAndApplyVocabulary(_Vocabulary):
    """Replace each value by its place in the vocabulary of the training rows' values.

    Places count from 0, in ascending order of the values, as of scikit-learn's OrdinalEncoder; a value that the
    vocabulary does not hold gets the place behind it that is its hash modulo `num_oov_buckets` (the hash of
    `hash_strings`), or `default_value` where there is no bucket.

    It gives one integer for each value; a null stays null.

    Args:
        top_k: keep only the most frequent values.
        frequency_threshold: keep only values that occur at least so often.
        num_oov_buckets: how many numbers behind the vocabulary share the values that it does not hold.
        default_value: what these become where there is no bucket.
    """

    NAME = "compute_and_apply_vocabulary"

    default_value: int = -1

    def gives(self, taken: ValueType) -> ValueType:
        """Give integers."""
        return ValueType.INTEGER

    def fit(self, summary: Summary) -> Fitted:
        """Choose the vocabulary."""
        return Indexed(self._chosen(summary), self.num_oov_buckets, self.default_value)

    def load(self, taken: ValueType, row: Mapping[str, Any], arrays: Arrays) -> Fitted:
        """Read the vocabulary."""
        return Indexed(arrays["vocabulary"].cast(ARROW[taken]), self.num_oov_buckets, self.default_value)


class OneHotEncode(_Vocabulary):
    """Replace each value by a vector with a 1 at its place in the vocabulary of the training rows' values.

    Places are those of `compute_and_apply_vocabulary`, as of scikit-learn's OneHotEncoder with
    `handle_unknown="ignore"`.

    It gives a vector of as many floats as there are values in the vocabulary, and `num_oov_buckets` more; it is all
    zero for a null, and for a value that the vocabulary does not hold where there is no bucket.

    Args:
        top_k: keep only the most frequent values.
        frequency_threshold: keep only values that occur at least so often.
        num_oov_buckets: how many places behind the vocabulary share the values that it does not hold.
    """

    NAME = "one_hot_encode"

    def gives(self, taken: ValueType) -> ValueType:
        """Give vectors."""
        return ValueType.VECTOR

    def fit(self, summary: Summary) -> Fitted:
        """Choose the vocabulary."""
        fitted = OneHot(self._chosen(summary), self.num_oov_buckets)
        if fitted.width() > MOST_COLUMNS:
            raise ValueError(
                f"{len(fitted.vocabulary):,} distinct values would make as many columns, and at most {MOST_COLUMNS:,} "
                "are made; set top_k, take compute_and_apply_vocabulary, or leave the column out"
            )
        return fitted

    def load(self, taken: ValueType, row: Mapping[str, Any], arrays: Arrays) -> Fitted:
        """Read the vocabulary."""
        return OneHot(arrays["vocabulary"].cast(ARROW[taken]), self.num_oov_buckets)
