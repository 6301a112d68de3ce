"""Shares of the rows by split: how they are checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import fsum

from zenml.steps.split.base import check_split_name

_TOLERANCE = 1e-9


def check_names(names: Iterable[str]) -> list[str]:
    """Return what is wrong with the names of splits."""
    problems: list[str] = []
    listed = list(names)
    if not listed:
        problems.append("at least one split is needed")
    for name in listed:
        try:
            check_split_name(name)
        except ValueError as error:
            problems.append(str(error))
    if len({name.lower() for name in listed}) < len(listed):
        problems.append("names of splits must differ by more than case")
    return problems


def check_shares(shares: Mapping[str, float]) -> dict[str, float]:
    """Return shares by split if they are above 0 and sum to 1.

    Raises:
        ValueError: they do not, or a name cannot be that of a split.
    """
    problems = check_names(shares)
    problems += [
        f"the share of {name!r} is {share:g}, and must be above 0" for name, share in shares.items() if not share > 0
    ]
    total = fsum(shares.values())
    if shares and not abs(total - 1) <= _TOLERANCE:
        problems.append(f"the shares sum to {total:.12g}, and must sum to 1")
    if problems:
        raise ValueError("; ".join(problems))
    return dict(shares)
