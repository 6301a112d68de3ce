"""Text as counts and weights of terms: against scikit-learn, under merges and row by row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from chains_for_tests import learn
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from zenml.data.transforms import FILLINGS, TRANSFORMS, Chain, FittedChain, Method, Transform
from zenml.data.transforms.values import ValueType

WORDS = ["good", "bad", "Film", "a", "plot", "über", "the", "x1", "no_way", "and", "日本語", "ÉTÉ"]


def texts(rows: int, seed: int = 0) -> list[str]:
    draw = np.random.default_rng(seed)
    marks = np.array([" ", ", ", "-", "\n", "... ", "'", "\u00a0"])
    return [
        "".join(f"{word}{mark}" for word, mark in zip(draw.choice(WORDS, size), draw.choice(marks, size), strict=True))
        for size in draw.integers(0, 12, rows)
    ]


def fit(methods: Sequence[Method], *shards: Sequence[Any]) -> tuple[FittedChain, int]:
    return learn(Chain("x", ValueType.STRING, False, tuple(methods)), *(pa.array(shard, pa.utf8()) for shard in shards))


def applied(fitted: FittedChain, values: Sequence[Any]) -> Any:
    array = fitted.apply(pa.array(values, pa.utf8()))
    return array.flatten().to_numpy().reshape(len(values), -1)


@pytest.mark.parametrize("words", [(1, 1), (1, 2), (2, 3)])
@pytest.mark.parametrize(("name", "kind"), [("ngrams", CountVectorizer), ("tfidf", TfidfVectorizer)])
def test_vectors_agree_with_scikit_learn(name: str, kind: Any, words: tuple[int, int]) -> None:
    train, other = texts(600), [*texts(50, 1), "unseen words only", "", "good" * 9]
    reference = kind(ngram_range=words).fit(train)
    method = TRANSFORMS[name](top_k=1024, min_words=words[0], max_words=words[1])
    size = len(reference.get_feature_names_out())
    if size > 1024:
        reference = kind(ngram_range=words, vocabulary=sorted(top(train, words, 1024))).fit(train)
    fitted, passes = fit([method], train[:250], train[250:])
    assert fitted.names == [f"x[{term}]" for term in reference.get_feature_names_out()]
    for rows in (train, other):
        np.testing.assert_allclose(applied(fitted, rows), reference.transform(rows).toarray(), atol=1e-6)
    assert passes == 1


def top(train: list[str], words: tuple[int, int], size: int) -> list[str]:
    reference = CountVectorizer(ngram_range=words)
    counts = np.asarray(reference.fit_transform(train).sum(0))[0]
    names = reference.get_feature_names_out()
    return [names[place] for place in sorted(range(len(names)), key=lambda place: (-counts[place], names[place]))][
        :size
    ]


def test_a_vocabulary_holds_the_most_frequent_terms_and_of_equal_ones_the_smaller() -> None:
    fitted, _ = fit([TRANSFORMS["ngrams"](top_k=3, max_words=1)], ["cc bb cc", "dd aa", "dd"])
    assert fitted.names == ["x[aa]", "x[cc]", "x[dd]"]
    train = texts(300)
    fitted, _ = fit([TRANSFORMS["tfidf"](top_k=7, max_words=2)], train)
    assert fitted.names == [f"x[{term}]" for term in sorted(top(train, (1, 2), 7))]


def test_missing_and_unknown_texts_give_zeros() -> None:
    for name in ("ngrams", "tfidf"):
        fitted, _ = fit([TRANSFORMS[name]()], ["good film", None, "good"])
        found = applied(fitted, ["good", None, "", "never seen", "x"])
        assert found[0].any()
        assert not found[1:].any()


def test_what_stands_in_for_a_missing_text_is_a_text() -> None:
    fill = FILLINGS["constant"](value="")
    filled, _ = fit([fill, TRANSFORMS["tfidf"]()], ["good film", None, "good"])
    empty, _ = fit([TRANSFORMS["tfidf"]()], ["good film", "", "good"])
    assert np.array_equal(filled.fitted[-1].arrays()["idf"], empty.fitted[-1].arrays()["idf"])
    np.testing.assert_allclose(empty.fitted[-1].arrays()["idf"].to_numpy(), [math.log(2) + 1, math.log(4 / 3) + 1])


TEXTS = st.lists(st.none() | st.text("ab A_1é-", max_size=12), min_size=1, max_size=12)


@settings(deadline=None, max_examples=60)
@given(TEXTS, TEXTS, st.integers(0, 12), st.sampled_from(["ngrams", "tfidf"]))
def test_a_row_alone_comes_out_bit_equal_and_borders_change_nothing(
    train: list[str | None], other: list[str | None], cut: int, name: str
) -> None:
    method = TRANSFORMS[name](top_k=5, max_words=2)
    try:
        whole, _ = fit([method], train)
    except ValueError:
        return
    parts, _ = fit([method], train[:cut], train[cut:])
    found = applied(parts, other)
    assert found.tobytes() == applied(whole, other).tobytes()
    assert found.tobytes() == b"".join(applied(parts, [row]).tobytes() for row in other)


def test_it_is_loaded_as_it_was_saved(tmp_path: Path) -> None:
    fitted, _ = fit([TRANSFORMS["tfidf"](max_words=2)], texts(50))
    plain, _ = fit([TRANSFORMS["ngrams"]()], texts(50))
    for number, chain in enumerate((fitted, plain)):
        Transform((chain,)).save(tmp_path / str(number))
        loaded = Transform.load(tmp_path / str(number))
        batch = pa.record_batch({"x": texts(20, 2)})
        assert loaded.apply(batch).equals(Transform((chain,)).apply(batch))


def test_texts_that_teach_nothing_and_parameters_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="no word of two letters"):
        fit([TRANSFORMS["tfidf"]()], ["a b c", None])
    with pytest.raises(ValidationError, match="above max_words"):
        TRANSFORMS["tfidf"](min_words=2)
    with pytest.raises(ValidationError, match="top_k"):
        TRANSFORMS["ngrams"](top_k=5000)
