"""Ngrams and Tfidf: text as numbers of the terms in it.

A term is a run of words in a text. The text is lower-cased; a word is a run of two or more letters, digits and
underscores in any script (scikit-learn's default token pattern); the words of a term of several are joined by a blank.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from zenml.data.shards import State
from zenml.data.transforms.counts import Counts
from zenml.data.transforms.method import Arrays, Fitted, Method
from zenml.data.transforms.summary import Need, Summary
from zenml.data.transforms.values import TEXT, Floats, ValueType
from zenml.data.transforms.vocabulary import MOST_COLUMNS

_MOST_WORDS = 5
_BETWEEN_WORDS = r"[^\p{L}\p{N}_]+"

Rows = npt.NDArray[np.int64]


def terms_of(texts: pa.Array, least: int, most: int) -> tuple[pa.Array, Rows]:
    """Return the terms of `least` to `most` words in texts without nulls, and the row of each."""
    lists = pc.split_pattern(pc.replace_substring_regex(pc.utf8_lower(texts), _BETWEEN_WORDS, " "), " ")
    rows = np.repeat(np.arange(len(texts)), pc.list_value_length(lists).to_numpy())
    words = lists.flatten()
    keep = pc.greater(pc.utf8_length(words), 1)
    words, rows = words.filter(keep), rows[keep.to_numpy(zero_copy_only=False)]
    found, places = [], []
    for count in range(least, most + 1):
        size = max(0, len(words) - count + 1)
        whole = rows[:size] == rows[len(rows) - size :] if size else np.zeros(0, bool)
        parts = [words.slice(start, size).filter(pa.array(whole)) for start in range(count)]
        found.append(parts[0] if count == 1 else pc.binary_join_element_wise(*parts, " "))
        places.append(rows[:size][whole])
    return pa.concat_arrays(found), np.concatenate(places)


@dataclass(frozen=True, eq=False)
class Termed(Fitted):
    """A text becomes a vector with a number for each term of a vocabulary; a null becomes a vector of zeros.

    Args:
        vocabulary: the terms, ascending.
        idf: weights of the terms, for vectors of length 1; None for plain counts.
        least: fewest words of a term.
        most: most words of a term.
    """

    vocabulary: pa.Array
    idf: Floats | None
    least: int
    most: int

    def apply(self, array: pa.Array) -> pa.Array:
        """Count the terms, and weight them."""
        width = len(self.vocabulary)
        known = np.flatnonzero(array.is_valid().to_numpy(zero_copy_only=False))
        terms, rows = terms_of(array.drop_null() if array.null_count else array, self.least, self.most)
        places = pc.index_in(terms, value_set=self.vocabulary)
        there = places.is_valid()
        cells = known[rows[there.to_numpy(zero_copy_only=False)]] * width + places.drop_null().to_numpy()
        cells, counts = np.unique(cells, return_counts=True)
        values = counts.astype(np.float64)
        if self.idf is not None:
            values *= self.idf[cells % width]
            # Summed cell by cell in the order of the terms, so that a row has the same bits alone and in a batch.
            squares = np.bincount(cells // width, values * values, len(array))
            values /= np.sqrt(squares)[cells // width]
        vectors = np.zeros(len(array) * width, np.float32)
        vectors[cells] = values
        return pa.FixedSizeListArray.from_arrays(pa.array(vectors), width)

    def summary(self, taken: Summary) -> Summary:
        """Keep nothing: no method is fitted on vectors."""
        return Summary(ValueType.VECTOR, ())

    def to_json(self) -> Mapping[str, Any]:
        """Return nothing: parameters and arrays say it all."""
        return {}

    def arrays(self) -> Arrays:
        """Return the vocabulary and its weights."""
        weights = {} if self.idf is None else {"idf": pa.array(self.idf)}
        return {"vocabulary": self.vocabulary, **weights}

    def width(self) -> int:
        """Return the size of the vocabulary."""
        return len(self.vocabulary)

    def names(self, feature: str) -> list[str]:
        """Name each number by its term."""
        return [f"{feature}[{term}]" for term in self.vocabulary.to_pylist()]


class _Terms(Method):
    TAKES = TEXT
    NEEDS: ClassVar[frozenset[Need]] = frozenset({Need.OWN})
    CARRIES = frozenset()
    FILLED_WITH = ""

    top_k: int = Field(default=100, ge=1, le=MOST_COLUMNS)
    min_words: int = Field(default=1, ge=1, le=_MOST_WORDS)
    max_words: int = Field(default=1, ge=1, le=_MOST_WORDS)

    @model_validator(mode="after")
    def _check_words(self) -> Self:
        if self.min_words > self.max_words:
            raise ValueError(f"min_words is {self.min_words}, which is above max_words, {self.max_words}")
        return self

    def update(self, state: State, values: pa.Array) -> State:
        """Count the terms of some texts, and the texts that each is in."""
        state = state or self.unpack(None)
        terms, rows = terms_of(values, self.min_words, self.max_words)
        coded = terms.dictionary_encode()
        size = len(coded.dictionary)
        codes = coded.indices.to_numpy().astype(np.int64)
        within = np.unique(rows * size + codes) % max(1, size)
        state["texts"] += len(values)
        state["total"].merge(Counts.of(ValueType.STRING, coded.dictionary, np.bincount(codes, minlength=size)))
        state["within"].merge(Counts.of(ValueType.STRING, coded.dictionary, np.bincount(within, minlength=size)))
        return state

    def merge(self, state: State, other: State) -> State:
        """Add the counts."""
        state["texts"] += other["texts"]
        state["total"].merge(other["total"])
        state["within"].merge(other["within"])
        return state

    def pack(self, state: State) -> State:
        """Return the counts as arrays."""
        return {
            "texts": state["texts"],
            "total": state["total"].to_state(),
            "within": state["within"].to_state(),
        }

    def unpack(self, state: State | None) -> State:
        """Return what `pack` was given, or counts of nothing."""
        if state is None:
            return {"texts": 0, "total": Counts(ValueType.STRING), "within": Counts(ValueType.STRING)}
        made: State = {name: Counts.from_state(ValueType.STRING, state[name]) for name in ("total", "within")}
        return {"texts": state["texts"], **made}

    def gives(self, taken: ValueType) -> ValueType:
        """Give vectors."""
        return ValueType.VECTOR

    def _chosen(self, summary: Summary) -> tuple[pa.Array, Floats]:
        """Return the vocabulary, and for each term ln((1 + texts) / (1 + texts that it is in)) + 1."""
        state = summary.own or self.unpack(None)
        terms, counts = state["total"].result()
        if not len(terms):
            raise ValueError("there is no word of two letters or more to learn from; leave the column out")
        keep = np.sort(np.argsort(-counts, kind="stable")[: self.top_k])
        # Both are sums over the same terms in ascending order, so that they stand at the same places.
        within = state["within"].result()[1][keep]
        return terms.take(pa.array(keep)), np.log((1 + state["texts"]) / (1 + within)) + 1


class Ngrams(_Terms):
    """Replace each text by the counts of its terms, as of scikit-learn's CountVectorizer.

    It gives a vector of floats with one number for each term of the vocabulary, `top_k` at most: the terms that occur
    most often in the training rows, of equally frequent ones the smaller by code points, in ascending order. A term has
    `min_words` to `max_words` words that follow each other; a word is a run of two or more letters, digits and
    underscores, lower-cased. Other terms count for nothing. A text without a known term, and a null, give zeros.

    Args:
        top_k: size of the vocabulary.
        min_words: fewest words of a term.
        max_words: most words of a term.
    """

    NAME = "ngrams"

    max_words: int = Field(default=2, ge=1, le=_MOST_WORDS)

    def fit(self, summary: Summary) -> Fitted:
        """Choose the vocabulary."""
        return Termed(self._chosen(summary)[0], None, self.min_words, self.max_words)

    def load(self, taken: ValueType, row: Mapping[str, Any], arrays: Arrays) -> Fitted:
        """Read the vocabulary."""
        return Termed(arrays["vocabulary"].cast(pa.utf8()), None, self.min_words, self.max_words)


class Tfidf(_Terms):
    """Replace each text by the weights of its terms, as of scikit-learn's TfidfVectorizer with its defaults.

    The weight of term t is count(t in the text) * idf(t), with the smooth idf(t) = ln((1 + n) / (1 + df(t))) + 1, where
    n is the number of texts in the training rows and df(t) the number of those that t is in; then each vector is
    divided by its Euclidean length. Missing texts are no texts; by default an empty text stands in for them, which is
    one.

    It gives a vector of floats with one number for each term of the vocabulary, `top_k` at most: the terms that occur
    most often in the training rows, of equally frequent ones the smaller by code points, in ascending order. A term has
    `min_words` to `max_words` words that follow each other; a word is a run of two or more letters, digits and
    underscores, lower-cased. Other terms count for nothing. A text without a known term, and a null, give zeros.

    Args:
        top_k: size of the vocabulary.
        min_words: fewest words of a term.
        max_words: most words of a term.
    """

    NAME = "tfidf"

    def fit(self, summary: Summary) -> Fitted:
        """Choose the vocabulary and weigh it."""
        return Termed(*self._chosen(summary), self.min_words, self.max_words)

    def load(self, taken: ValueType, row: Mapping[str, Any], arrays: Arrays) -> Fitted:
        """Read the vocabulary and its weights."""
        idf = arrays["idf"].to_numpy()
        if len(idf) != len(arrays["vocabulary"]):
            raise ValueError("there are not as many weights as terms")
        return Termed(arrays["vocabulary"].cast(pa.utf8()), idf, self.min_words, self.max_words)
