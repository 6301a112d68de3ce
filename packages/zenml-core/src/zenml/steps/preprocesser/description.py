"""Description: what a preprocesser does with each column, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from zenml.data.schema import Schema
from zenml.data.statistics import TableStatistics
from zenml.data.transforms import FILLINGS, Asked, Chain, Group, Method, group_problems, plan_chains
from zenml.data.transforms.pca import Pca
from zenml.errors import DataError

_HEAD = ("column", "type", "distinct", "role", "filling", "transform", "chosen")


@dataclass(frozen=True)
class Description:
    """A table that shows itself in terminals and notebooks.

    Args:
        rows: by column its name, type, number of distinct values (empty where unknown), role (`feature`, `label` or
            `group`), fillings, transforms, and whether they are the default or asked for.
    """

    rows: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        table = (_HEAD, *self.rows)
        widths = [max(len(row[place]) for row in table) for place in range(len(_HEAD))]
        lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table)
        return "\n".join(line.rstrip() for line in lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{cell}</th>" for cell in _HEAD)
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in self.rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def described(
    schema: Schema,
    statistics: TableStatistics | None,
    names: tuple[Sequence[str], Sequence[str]],
    asked: Mapping[str, Asked],
    groups: Sequence[Group],
) -> Description:
    """Return the table.

    Args:
        schema: the columns of the data.
        statistics: of the training rows, if known.
        names: of the features and the labels.
        asked: by column, what to do instead of the default.
        groups: features that become one vector together.

    Raises:
        DataError: something does not fit the columns; with every problem.
    """
    chains, problems = plan_chains(schema, *names, asked, statistics)
    if not problems:
        problems += group_problems(groups, chains, schema.names)
    if problems:
        raise DataError(problems)
    rows = [_row(chain, statistics, asked.get(chain.name, Asked())) for chain in chains]
    rows += [(group.name, "vector", "", "group", "", _said(group.method), "asked") for group in groups]
    return Description(tuple(rows))


def _row(chain: Chain, statistics: TableStatistics | None, asked: Asked) -> tuple[str, ...]:
    count = sum(FILLINGS.get(method.NAME) is type(method) for method in chain.methods)
    fillings, transforms = (", ".join(map(_said, part)) for part in (chain.methods[:count], chain.methods[count:]))
    chosen = "default" if asked == Asked() else "asked" if None not in (asked.fillings, asked.transforms) else "mixed"
    distinct = ""
    if statistics is not None:
        column = statistics[chain.name]
        distinct = f"{'' if column.distinct_exact else '~'}{column.distinct:,}"
    role = "label" if chain.label else "feature"
    return (chain.name, chain.kind.value, distinct, role, fillings, transforms, chosen)


def _said(method: Method | Pca) -> str:
    """Return the name of a method with the parameters that somebody set."""
    given = ", ".join(f"{name}={value!r}" for name, value in method.model_dump(exclude_unset=True).items())
    return f"{method.NAME}({given})" if given else method.NAME
