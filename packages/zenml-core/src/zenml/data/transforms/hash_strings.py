"""HashStrings: text as the number of a bucket, without a vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field, model_validator

from zenml.data.hashing import bytes_hashes, mix
from zenml.data.transforms.method import Arrays, Fitted, Method
from zenml.data.transforms.summary import Need, Summary
from zenml.data.transforms.values import TEXT, ValueType
from zenml.data.transforms.vocabulary import MOST_COLUMNS

_WORD = 1 << 64


@dataclass(frozen=True)
class Hashed(Fitted):
    """A text becomes the number of its bucket, or a vector with a 1 there; a null becomes null, or all zero."""

    num_buckets: int
    key: int
    one_hot: bool

    def apply(self, array: pa.Array) -> pa.Array:
        """Hash."""
        known = array.is_valid().to_numpy(zero_copy_only=False)
        rows = np.flatnonzero(known)
        buckets = self._buckets(array.drop_null() if array.null_count else array)
        if self.one_hot:
            vectors = np.zeros((len(array), self.num_buckets), np.float32)
            vectors[rows, buckets] = 1
            return pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), self.num_buckets)
        places = np.zeros(len(array), np.int64)
        places[rows] = buckets
        return pa.array(places, mask=~known if array.null_count else None)

    def _buckets(self, array: pa.Array) -> npt.NDArray[np.int64]:
        hashes = bytes_hashes(array)
        if self.key:
            hashes = mix(hashes + mix(np.array([self.key % _WORD], np.uint64)))
        return (hashes % np.uint64(self.num_buckets)).astype(np.int64)

    def summary(self, taken: Summary) -> Summary:
        """Count buckets instead of texts."""
        return taken.mapped(ValueType.VECTOR if self.one_hot else ValueType.INTEGER, self.apply)

    def to_json(self) -> Mapping[str, Any]:
        """Return nothing: the parameters say it all."""
        return {}

    def width(self) -> int | None:
        """Return how many buckets a vector has."""
        return self.num_buckets if self.one_hot else None

    def names(self, feature: str) -> list[str]:
        """Name each bucket by its number."""
        return [f"{feature}=<hash {number}>" for number in range(self.num_buckets)] if self.one_hot else [feature]


class HashStrings(Method):
    """Replace each text by the number of its bucket, or by a vector with a 1 there (the hashing trick).

    Nothing is learned, so it takes no memory however many texts there are; texts that share a bucket cannot be told
    apart (Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", 2009).

    The hash of the UTF-8 bytes b[0] … b[n-1] is, in arithmetic modulo 2**64 and with m for SplitMix64's finaliser
    (Steele, Lea and Flood, 2014):
    h = m(m(n + 0x9E3779B97F4A7C15) xor sum((b[i] + 1) * 0x100000001B3 ** (i + 1))); with a key that is not 0 it is
    m(h + m(key)). The bucket is h modulo `num_buckets`. It is the same on every machine and in every version, and not
    cryptographic.

    It gives an integer from 0 to `num_buckets` - 1, and a null stays null; or, with `one_hot`, a vector of
    `num_buckets` floats, which is all zero for a null.

    Args:
        num_buckets: number of buckets; at most 1,024 for vectors.
        key: another key scatters the texts in another way.
        one_hot: whether to give vectors.
    """

    NAME = "hash_strings"
    TAKES = TEXT
    FILLED_WITH = ""
    CARRIES: ClassVar[frozenset[Need]] = frozenset()  # buckets are fewer than texts, so what follows counts those

    num_buckets: int = Field(ge=1, le=2**31)
    key: int = 0
    one_hot: bool = False

    @model_validator(mode="after")
    def _check_width(self) -> HashStrings:
        if self.one_hot and self.num_buckets > MOST_COLUMNS:
            raise ValueError(f"num_buckets is {self.num_buckets:,}, but a vector has at most {MOST_COLUMNS:,}")
        return self

    def gives(self, taken: ValueType) -> ValueType:
        """Give integers or vectors."""
        return ValueType.VECTOR if self.one_hot else ValueType.INTEGER

    def fit(self, summary: Summary) -> Fitted:
        """Learn nothing."""
        return Hashed(self.num_buckets, self.key, self.one_hot)

    def load(self, taken: ValueType, row: Mapping[str, Any], arrays: Arrays) -> Fitted:
        """Read nothing."""
        return Hashed(self.num_buckets, self.key, self.one_hot)
