from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zenml.data.metrics import ranking
from zenml.data.metrics.grouping import Whole
from zenml.data.metrics.ranking import CELLS, rank

skm = pytest.importorskip("sklearn.metrics")


class Given:
    """A grouping whose numbers are given."""

    def __init__(self, numbers: np.ndarray, groups: int) -> None:
        self._numbers = numbers
        self.sizes = [int(np.count_nonzero(numbers == number)) for number in range(groups)]

    def numbers(self, start: int, stop: int) -> np.ndarray:
        return self._numbers[start:stop]


def table(seed: int, rows: int, levels: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return classes, scores with ties, and groups, one of which is no group."""
    chance = np.random.default_rng(seed)
    truth = chance.integers(0, 3, rows)
    scores = chance.integers(0, levels, rows) / levels if levels else chance.random(rows)
    return truth, np.where(chance.random(rows) < 0.05, 0.5, scores), chance.integers(-1, 4, rows)


@pytest.fixture(scope="module", autouse=True)
def small_parts():
    """Let a few rows be sorted in several parts, and read in several blocks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking, "MOST", 16)
        patch.setattr(ranking, "_SAMPLE", 32)
        patch.setattr(ranking, "BLOCK", 13)
        yield


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32), st.integers(20, 300), st.sampled_from([0, 2, 7, 40]))
def test_areas_of_groups_that_were_sorted_in_parts_are_those_of_scikit_learn(seed, rows, levels):
    truth, scores, numbers = table(seed, rows, levels)
    found = rank(truth, scores, 1, Given(numbers, 4), keep=False)
    assert found.points == []
    for group in range(4):
        positive, made = truth[numbers == group] == 1, scores[numbers == group]
        if positive.all() or not positive.any():
            assert np.isnan(found.roc[group])
            assert np.isnan(found.pr[group])
        else:
            assert found.roc[group] == pytest.approx(skm.roc_auc_score(positive, made), abs=1e-12)
            assert found.pr[group] == pytest.approx(skm.average_precision_score(positive, made), abs=1e-12)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32), st.integers(20, 300), st.sampled_from([0, 7]))
def test_areas_do_not_depend_on_the_parts(seed, rows, levels):
    truth, scores, numbers = table(seed, rows, levels)
    parts = rank(truth, scores, 1, Given(numbers, 4), keep=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking, "MOST", 10_000)
        whole = rank(truth, scores, 1, Given(numbers, 4), keep=False)
    assert [repr(area) for area in (*parts.roc, *parts.pr)] == [repr(area) for area in (*whole.roc, *whole.pr)]


@pytest.mark.parametrize("levels", [0, 30])
def test_the_points_that_are_kept_are_of_the_curve_and_no_further_apart_than_promised(levels):
    truth, scores, _ = table(5, 4000, levels)
    (points,) = rank(truth, scores, 1, Whole(4000), keep=True).points
    fpr, tpr, thresholds = skm.roc_curve(truth == 1, scores, drop_intermediate=False)
    curve = {at: (hit, miss) for at, hit, miss in zip(thresholds.tolist(), tpr, fpr, strict=True)}
    positive, negative = int((truth == 1).sum()), int((truth != 1).sum())
    for at, hit, miss in zip(points.thresholds.tolist(), points.hits, points.misses, strict=True):
        assert curve[at] == pytest.approx((hit / positive, miss / negative))
    assert len(points.hits) < len(thresholds) or levels
    places = np.searchsorted(-thresholds, -points.thresholds)
    between = np.diff(places) > 1
    for steps, whole in ((points.hits, positive), (points.misses, negative)):
        assert (np.diff(np.concatenate([[0], steps]))[1:][between] / whole < 1 / CELLS).all()
    assert (points.hits[-1], points.misses[-1]) == (positive, negative)


def test_infinite_scores_are_ranked_too():
    chance = np.random.default_rng(2)
    truth, scores = chance.integers(0, 2, 200), chance.normal(size=200)
    scores[:40], scores[40:90] = np.inf, -np.inf
    finite = np.clip(scores, -1e9, 1e9)
    found = rank(truth, scores, 1, Whole(200), keep=False)
    assert found.roc[0] == pytest.approx(skm.roc_auc_score(truth, finite), abs=1e-12)
