"""Categories of one column: how those that a user lists are checked, and how rows are dealt by them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field

from zenml.errors import DataError, Problem, closest
from zenml.steps.base import StepContext
from zenml.steps.split.base import SKIP, Split

if TYPE_CHECKING:
    from zenml.data.schema import LogicalType
    from zenml.data.snapshot import Snapshot

Category = bool | int | str | None
"""A value of an integer, boolean or string column; None stands for missing cells."""


class CategoricalSplit(Split):
    """Base of the splits by the category in one column.

    Args:
        categorical_column: name of an integer, boolean or string column.
        unknown_category_policy: where rows of other categories go, those with a missing cell among them: the name of a
            split, or `skip` to leave them out.
    """

    categorical_column: str = Field(min_length=1)
    unknown_category_policy: str = SKIP

    def _policy_problems(self, splits: Sequence[str]) -> list[str]:
        policy = self.unknown_category_policy
        if policy == SKIP or policy in splits:
            return []
        mend = closest(policy, [*splits, SKIP]) or f"Choose one of: {SKIP}, {', '.join(splits)}"
        return [f"unknown_category_policy {policy!r} is neither 'skip' nor a split. {mend}"]

    def _deal_by_category(
        self,
        context: StepContext,
        splits: Sequence[str],
        places: Mapping[Category, int],
        field: str,
        more: Mapping[str, Any],
    ) -> None:
        """Check the categories against the column, deal the rows out, and tell of categories that have none."""
        from zenml.data.dealing import SKIP as SKIPPED
        from zenml.data.snapshot import Snapshot

        source = Snapshot.of(context.inputs["examples"])
        kind, problems = self._column(source.schema, "categorical_column", self.categorical_column, _types())
        if kind:
            problems += self._type_problems(kind, places, field)
        if problems or not kind:
            raise DataError(problems)
        policy = self.unknown_category_policy
        unknown = splits.index(policy) if policy in splits else SKIPPED
        dealer = {
            "by": "category",
            "column": self.categorical_column,
            "type": kind.value,
            "categories": list(places),
            "places": list(places.values()),
            "unknown": unknown,
            **more,
        }
        facts = self._deal(context, splits, dealer)
        counts = [sum(int(fact["counts"][place]) for fact in facts) for place in range(len(places))]
        absent = [category for category, count in zip(places, counts, strict=True) if not count]
        known = _seen(source, self.categorical_column) if absent else []
        for category in absent:
            near = closest(str(category), known)
            context.report.warn(
                f"no row has the category {category!r} in {self.categorical_column!r}{'. ' if near else ''}{near}"
            )

    def _type_problems(self, kind: LogicalType, categories: Mapping[Category, int], field: str) -> list[Problem]:
        wanted = {"integer": int, "boolean": bool, "string": str}[kind.value]
        column, where = self.categorical_column, f"{type(self).__name__}.{field}"
        mend = "Put it in quotes" if wanted is str else f"Its categories are written as in {_EXAMPLES[kind.value]}"
        wrong = [category for category in categories if category is not None and type(category) is not wanted]
        return [
            Problem(f"column {column!r} is of type {kind.value}, and {category!r} is not", where, mend)
            for category in wrong
        ] + [
            Problem(f"{category} is beyond the integers that a column holds", where)
            for category in categories
            if type(category) is int and not -(1 << 63) <= category < 1 << 63
        ]


_EXAMPLES = {"integer": "[1, 2]", "boolean": "[true, false]"}


def _types() -> tuple[LogicalType, ...]:
    from zenml.data.schema import LogicalType

    return LogicalType.INTEGER, LogicalType.BOOLEAN, LogicalType.STRING


def twice(categories: Sequence[Category]) -> list[str]:
    """Return what to say of categories that are listed more than once."""
    seen: set[tuple[type, Category]] = set()
    problems = []
    for category in categories:
        if (type(category), category) in seen:
            problems.append(f"category {category!r} is listed twice")
        seen.add((type(category), category))
    return problems


def _seen(source: Snapshot, column: str) -> list[str]:
    tops = [source.statistics(split)[column].top or () for split in source.splits]
    return [str(value) for top in tops for value, _ in top]
