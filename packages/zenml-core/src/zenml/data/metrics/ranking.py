"""Ranking: areas under the ROC and the precision-recall curve, exactly, in little memory.

Rows are taken by falling score, a range of scores at a time, so that never more than about `MOST` of them are sorted
together, however many there are. The ranges depend on the scores alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from zenml.data.metrics.exact_sum import ExactSums
from zenml.data.metrics.grouping import Grouping
from zenml.data.metrics.outcomes import BLOCK

MOST = 1 << 21
"""Rows that are sorted together."""

CELLS = 100
"""Of how many parts along each axis a kept curve has the first and the last point."""

_SAMPLE = 1 << 16

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Points:
    """Points of a curve, by falling threshold: how many rows have at least that score.

    Every point is one of the curve's own. Between two that follow each other lie less than 1/`CELLS` of the positive
    and less than 1/`CELLS` of the negative rows, or no point at all.

    Args:
        thresholds: the scores.
        hits: positive rows with at least that score.
        misses: other rows with at least that score.
    """

    thresholds: Floats
    hits: Integers
    misses: Integers


@dataclass
class Ranked:
    """The areas of each group for one class against the rest; NaN where a group has rows of one side only."""

    roc: list[float]
    pr: list[float]
    points: list[Points] = field(default_factory=list)


@dataclass(frozen=True)
class _Counted:
    """Rows by score and group, those with equal scores together where that is known already."""

    scores: Floats
    numbers: Integers
    positive: Integers
    negative: Integers


def rank(truth: npt.NDArray[np.int64], scores: Floats, positive: int, grouping: Grouping, *, keep: bool) -> Ranked:
    """Return the areas under the curves of a class in each group.

    Args:
        truth: the position of each row's class.
        scores: the score of the class in each row; none is NaN.
        positive: the class.
        grouping: the groups.
        keep: keep points of each group's curve too.
    """
    groups = len(grouping.sizes)
    totals = _totals(truth, positive, grouping, groups)
    hits, misses = np.zeros(groups, np.int64), np.zeros(groups, np.int64)
    doubled, gains = [0] * groups, ExactSums(groups)
    kept: list[list[tuple[Floats, Integers, Integers]]] = [[] for _ in range(groups)]
    for counted in _falling(truth, scores, positive, grouping):
        order = np.argsort(-counted.scores)  # in whatever order rows with equal scores: they are taken together
        if groups > 1:
            order = order[np.argsort(counted.numbers[order].astype(np.int16), kind="stable")]
        ordered, numbers = counted.scores[order], counted.numbers[order]
        new = np.flatnonzero((ordered[1:] != ordered[:-1]) | (numbers[1:] != numbers[:-1])) + 1
        starts = np.concatenate([[0], new])
        gained = np.add.reduceat(counted.positive[order], starts)
        missed = np.add.reduceat(counted.negative[order], starts)
        ordered, numbers = ordered[starts], numbers[starts]
        firsts = np.concatenate([[0], np.flatnonzero(np.diff(numbers)) + 1])
        present = numbers[firsts]
        up, across = (_running(steps, firsts, before[present]) for steps, before in ((gained, hits), (missed, misses)))
        areas = np.add.reduceat(missed * (2 * up - gained), firsts)
        for number, area in zip(present.tolist(), areas.tolist(), strict=True):
            doubled[number] += area
        gains.update(numbers, gained * (up / (up + across)))
        lasts = np.append(firsts[1:], len(numbers)) - 1
        hits[present], misses[present] = up[lasts], across[lasts]
        for number, first, last in zip(present.tolist(), firsts.tolist(), lasts.tolist(), strict=True) if keep else ():
            part = slice(first, last + 1)
            kept[number].append(_thinned(ordered[part], up[part], across[part], *totals[number].tolist()))
    sides = totals.prod(axis=1)
    roc = [area / (2 * int(both)) if both else np.nan for area, both in zip(doubled, sides, strict=True)]
    pr = [
        float(gain / int(here)) if both and gain is not None else np.nan
        for gain, here, both in zip(gains.result(), totals[:, 0], sides, strict=True)
    ]
    return Ranked(roc, pr, [Points(*map(np.concatenate, zip(*parts, strict=True))) for parts in kept if parts])


def _totals(truth: npt.NDArray[np.int64], positive: int, grouping: Grouping, groups: int) -> Integers:
    """Return the positive and the other rows of each group."""
    found = np.zeros(2 * groups, np.int64)
    for start in range(0, len(truth), BLOCK):
        stop = min(start + BLOCK, len(truth))
        numbers = grouping.numbers(start, stop)
        here = numbers >= 0
        others = truth[start:stop][here] != positive
        found += np.bincount(2 * numbers[here] + others, minlength=2 * groups)
    return found.reshape(groups, 2)


def _running(steps: Integers, firsts: Integers, before: Integers) -> Integers:
    """Return running sums that begin anew, with what was `before`, at each of `firsts`."""
    sums = np.cumsum(steps)
    lengths = np.diff(np.append(firsts, len(steps)))
    whole: Integers = sums + np.repeat(before - (sums[firsts] - steps[firsts]), lengths)
    return whole


def _thinned(scores: Floats, hits: Integers, misses: Integers, positive: int, negative: int) -> tuple[
    Floats, Integers, Integers
]:  # fmt: skip
    cells = (hits * CELLS // max(1, positive)) * (CELLS + 1) + misses * CELLS // max(1, negative)
    change = np.flatnonzero(np.diff(cells))
    kept = np.unique(np.concatenate([[0], change, change + 1, [len(cells) - 1]]))
    return scores[kept], hits[kept], misses[kept]


def _falling(truth: npt.NDArray[np.int64], scores: Floats, positive: int, grouping: Grouping) -> Iterator[_Counted]:
    """Yield the rows that are in a group, ranges of scores from the highest to the lowest."""
    cuts: list[float] = []
    if len(scores) > MOST:
        sample = np.sort(_every(scores, max(1, len(scores) // _SAMPLE)))
        parts = -(-len(scores) // (MOST // 2))
        found = np.unique(sample[np.arange(1, parts) * len(sample) // parts])
        cuts = found[np.isfinite(found)][::-1].tolist()
    above = np.inf
    for cut in [*cuts, -np.inf]:
        yield from _between(truth, scores, positive, grouping, above, cut)
        if cut != -np.inf:
            yield from _at(truth, scores, positive, grouping, cut)
        above = cut


def _every(scores: Floats, step: int) -> Floats:
    """Return the scores of every so many rows."""
    return np.concatenate(
        [scores[start : start + BLOCK][-start % step :: step] for start in range(0, len(scores), BLOCK)]
    )


def _between(
    truth: npt.NDArray[np.int64], scores: Floats, positive: int, grouping: Grouping, above: float, cut: float
) -> Iterator[_Counted]:
    """Yield the rows with scores above a cut and below the cut before; infinite scores are on no cut."""
    found: list[tuple[Floats, Integers, npt.NDArray[np.bool_]]] = []
    for start in range(0, len(truth), BLOCK):
        stop = min(start + BLOCK, len(truth))
        values, numbers = scores[start:stop], grouping.numbers(start, stop)
        lower = values >= cut if cut == -np.inf else values > cut
        chosen = (numbers >= 0) & lower & (values <= above if above == np.inf else values < above)
        found.append((values[chosen], numbers[chosen], truth[start:stop][chosen] == positive))
    if any(len(values) for values, _, _ in found):
        values, numbers, hit = (np.concatenate(parts) for parts in zip(*found, strict=True))
        yield _Counted(values, numbers, hit.astype(np.int64), 1 - hit.astype(np.int64))


def _at(
    truth: npt.NDArray[np.int64], scores: Floats, positive: int, grouping: Grouping, cut: float
) -> Iterator[_Counted]:
    """Yield the rows whose score is the cut, counted: there may be any number of them."""
    groups = len(grouping.sizes)
    found = np.zeros(2 * groups, np.int64)
    for start in range(0, len(truth), BLOCK):
        stop = min(start + BLOCK, len(truth))
        numbers = grouping.numbers(start, stop)
        chosen = (numbers >= 0) & (scores[start:stop] == cut)
        found += np.bincount(2 * numbers[chosen] + (truth[start:stop][chosen] != positive), minlength=2 * groups)
    counts = found.reshape(groups, 2)
    present = np.flatnonzero(counts.any(axis=1))
    if len(present):
        yield _Counted(np.full(len(present), cut), present, counts[present, 0], counts[present, 1])
