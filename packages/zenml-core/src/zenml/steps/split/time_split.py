"""TimeSplit: splits by a column of times, the earliest rows first."""

from __future__ import annotations

from itertools import accumulate, pairwise
from math import ceil, floor, isfinite
from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from zenml.errors import DataError, Problem, closest
from zenml.steps.base import Inputs, StepContext
from zenml.steps.split.base import SKIP, Split
from zenml.steps.split.shares import check_names, check_shares

if TYPE_CHECKING:
    from zenml.data.schema import LogicalType
    from zenml.data.snapshot import Snapshot


class TimeSplit(Split):
    """Put the earliest rows into the first split and the latest into the last.

    With `borders`, where a row goes depends on its time alone. With `shares` the borders are exact quantiles of the
    data: of n rows with a time, sorted, the first split gets those before the one at place `floor(share x n + 0.5)`,
    less those that are at the same time as it; so rows of one time stay together, and appended rows move the borders.

    Args:
        time_column: a column of timestamps, of numbers, or of texts in ISO 8601 (without a zone they count as UTC).
        splits: names of the splits, in the order of time.
        shares: share of the rows of each split; they sum to 1.
        borders: between each split and the next, the first time that belongs to the next: numbers, or texts in ISO
            8601 such as `2013-10-01`.
        missing_time_policy: where rows without a time go: the name of a split, or `skip` to leave them out.
    """

    CACHE_VERSION = 1
    SEEDED = False

    time_column: str = Field(min_length=1)
    splits: list[str] = Field(default_factory=lambda: ["train", "eval"])
    shares: list[float] | None = None
    borders: list[int | float | str] | None = None
    missing_time_policy: str = SKIP

    @model_validator(mode="after")
    def _check(self) -> Self:
        problems = check_names(self.splits)
        if (self.shares is None) == (self.borders is None):
            problems.append("give either shares or borders")
        elif self.shares is not None and len(self.shares) != len(self.splits):
            problems.append(f"{len(self.splits)} splits need as many shares, not {len(self.shares)}")
        elif self.shares is not None and not problems:
            try:
                check_shares(dict(zip(self.splits, self.shares, strict=True)))
            except ValueError as error:
                problems.append(str(error))
        elif self.borders is not None and len(self.borders) != len(self.splits) - 1:
            problems.append(f"{len(self.splits)} splits have {len(self.splits) - 1} borders, not {len(self.borders)}")
        if self.missing_time_policy not in (SKIP, *self.splits):
            mend = closest(self.missing_time_policy, [*self.splits, SKIP])
            problems.append(f"missing_time_policy is neither 'skip' nor a split. {mend}".rstrip())
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def split_names(self, inputs: Inputs) -> tuple[str, ...]:
        """Return `splits`."""
        return tuple(self.splits)

    def run(self, context: StepContext) -> None:
        """Find the borders and deal the rows out."""
        from zenml.data.dealing import SKIP as SKIPPED
        from zenml.data.snapshot import Snapshot
        from zenml.data.times import TIME_TYPES

        source = Snapshot.of(context.inputs["examples"])
        kind, problems = self._column(source.schema, "time_column", self.time_column, TIME_TYPES)
        if problems or not kind:
            raise DataError(problems)
        splits = sorted(self.splits)
        borders = self._given(kind) if self.borders is not None else self._quantiles(context, source)
        policy = self.missing_time_policy
        dealer = {
            "by": "time",
            "column": self.time_column,
            "borders": borders,
            "order": [splits.index(split) for split in self.splits],
            "missing": splits.index(policy) if policy in splits else SKIPPED,
        }
        facts = self._deal(context, splits, dealer)
        self._refuse_bad(sum(fact["bad_rows"] for fact in facts), [text for fact in facts for text in fact["bad"]])
        missing = sum(fact["missing"] for fact in facts)
        if missing:
            context.report.warn(f"{missing:,} rows have no {self.time_column!r}: {policy}")

    def _given(self, kind: LogicalType) -> list[int]:
        """Return the borders as `ordered` numbers."""
        import numpy as np

        from zenml.data.schema import LogicalType
        from zenml.data.times import ordered, parse_time

        where = f"{type(self).__name__}.borders"
        problems: list[Problem] = []
        found: list[int | float] = []
        for border in self.borders or ():
            try:
                if kind.numeric != (not isinstance(border, str)):
                    wanted = "a number" if kind.numeric else "a text in ISO 8601, as '2013-10-01'"
                    raise ValueError(f"column {self.time_column!r} is of type {kind.value}, so a border is {wanted}")
                if isinstance(border, str):
                    found.append(parse_time(border))
                elif not isfinite(border):
                    raise ValueError(f"{border} cannot be a border")
                elif kind is LogicalType.INTEGER and not -(1 << 63) <= ceil(border) < 1 << 63:
                    raise ValueError(f"{border} is beyond the integers that a column holds")
                else:
                    found.append(ceil(border) if kind is LogicalType.INTEGER else float(border))
            except ValueError as error:
                problems.append(Problem(str(error), where))
        if not problems and any(first >= second for first, second in pairwise(found)):
            problems.append(Problem("borders must rise", where))
        if problems:
            raise DataError(problems)
        is_float = kind is LogicalType.FLOAT
        borders: list[int] = ordered(np.array(found, np.float64) if is_float else np.array(found, np.int64)).tolist()
        return borders

    def _quantiles(self, context: StepContext, source: Snapshot) -> list[int]:
        """Return the borders that cut the sorted times into the shares."""
        from zenml.data.nth_value import measure, nth_values

        shards = source.shard_rows()
        size = sum(file.stat().st_size for split in source.splits for file in source.shards(split))
        extent = measure(shards, self.time_column, context.scratch, context.run_job, size)
        self._refuse_bad(extent.bad_rows, extent.bad)
        if not extent.count:
            raise DataError(f"no row has a value of {self.time_column!r}", f"{type(self).__name__}.time_column")
        totals = [*accumulate(self.shares or ())][:-1]
        ranks = [min(extent.count - 1, floor(total * extent.count + 0.5)) for total in totals]
        return nth_values(shards, self.time_column, ranks, extent, context.scratch, context.run_job, size)

    def _refuse_bad(self, rows: int, examples: list[str] | tuple[str, ...]) -> None:
        if rows:
            raise DataError(
                f"{rows:,} cells of {self.time_column!r} are no time in ISO 8601, as {examples[0]!r}",
                f"{type(self).__name__}.time_column",
                "Times look like 2013-10-01 or 2013-10-01T06:30:00",
            )
