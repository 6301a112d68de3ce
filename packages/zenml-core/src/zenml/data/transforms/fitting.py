"""Fitting: a chain of methods on its way from parameters to what they learned, in as few passes as it takes.

In a pass values are summarised at *taps*: behind methods that are fitted already, or that learn nothing. A fitted
method tells how parts of the summary of what it gives follow from those of what it takes, so one tap serves all methods
up to the first that needs what is not carried so far. That one gets a tap of its own: in the same pass, where all
before it only fill or learn nothing (then a value that is there runs through the chain untouched by what is still to be
learned, and what is filled is added afterwards), else in the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from zenml.data.transforms.chain import Chain, FittedChain
from zenml.data.transforms.method import Fitted
from zenml.data.transforms.summary import Learner, Need, Summary
from zenml.data.transforms.values import ARROW

_EVERYTHING = frozenset(Need)


@dataclass(frozen=True)
class Tap:
    """A place in a chain where its values are summarised.

    Args:
        prefix: the methods that the raw values run through first.
        position: how many methods of the whole chain stand before the tap.
        empty: a summary of no values, with all parts that are wanted.
    """

    prefix: FittedChain
    position: int
    empty: Summary

    def update(self, summary: Summary, array: pa.Array) -> None:
        """Add raw values to a summary of this tap.

        Raises:
            ValueError: values of another kind.
        """
        summary.update(self.prefix.values(array).cast(ARROW[summary.kind], safe=False))


@dataclass
class Fitting:
    """A chain whose first methods are fitted.

    Args:
        chain: the methods.
        fitted: those that are fitted.
    """

    chain: Chain
    fitted: list[Fitted] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Find the taps of the first pass."""
        self._plan()

    @property
    def done(self) -> bool:
        """Say whether every method is fitted."""
        return len(self.fitted) == len(self.chain.methods)

    @property
    def result(self) -> FittedChain:
        """Return the fitted chain, once it is done."""
        return FittedChain(self.chain, tuple(self.fitted))

    def take(self, summaries: Sequence[Summary]) -> None:
        """Fit all methods that a pass tells enough of.

        Args:
            summaries: of the taps, in their order.

        Raises:
            ValueError: a method cannot learn from these values.
        """
        start, types = len(self.fitted), self.chain.types
        found = {tap.position: summary for tap, summary in zip(self.taps, summaries, strict=True)}
        summary = Summary(types[start], ())
        for position in range(start, self._end):
            if position in found:
                summary = self._with_filled(found[position], start)
            self.fitted.append(self.chain.methods[position].fit(summary))
            summary = self.fitted[-1].summary(summary)
        self._plan()

    def _with_filled(self, summary: Summary, start: int) -> Summary:
        """Return a tap's summary with what became of the nulls that were filled before it in this pass."""
        types = self.chain.types
        null = pa.nulls(1, ARROW[types[start]])
        for fitted in self.fitted[start:]:
            null = fitted.apply(null)
        value = null[0].as_py()
        return summary if value is None or not summary.missing else summary.filled(summary.kind, value)

    def _plan(self) -> None:
        """Find the taps of the next pass, and how many methods are fitted after it."""
        methods, start = self.chain.methods, len(self.fitted)
        self.taps: list[Tap] = []
        origin, known, wanted = start, _EVERYTHING, set[Need]()
        through = True  # whether a value that is there passes all methods since `start` before they are fitted
        filled = False  # whether some of them fill with what is still to be learned
        self._end = len(methods)
        for position in range(start, len(methods)):
            method = methods[position]
            counted = Need.COUNTS in wanted and Need.COUNTS in known
            more = {need for need in method.needs if not (need is Need.MOMENTS and counted and need not in known)}
            if not more <= known:
                if not through:
                    self._end = position
                    break
                self._tap(origin, wanted)
                origin, known, wanted = position, _EVERYTHING, set()
                more = set(method.needs)
            wanted |= more
            known &= method.CARRIES
            learns = bool(method.needs)
            through = through and (method.FILLS or not (learns or (filled and not method.KEEPS_NULLS)))
            filled = filled or (method.FILLS and learns)
        self._tap(origin, wanted)

    def _tap(self, position: int, wanted: set[Need]) -> None:
        if not wanted:
            return
        methods, types, start = self.chain.methods, self.chain.types, len(self.fitted)
        fixed = [method for method in methods[start:position] if not method.needs]
        nothing = Summary(types[start], ())
        prefix = FittedChain(
            Chain(self.chain.name, self.chain.kind, False, (*methods[:start], *fixed)),
            (*self.fitted, *(method.fit(nothing) for method in fixed)),
        )
        learner = methods[position] if Need.OWN in wanted else None
        empty = Summary(types[position], wanted, learner if isinstance(learner, Learner) else None)
        self.taps.append(Tap(prefix, position, empty))
