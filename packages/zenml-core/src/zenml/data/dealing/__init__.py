"""Dealers: how each row of a snapshot finds its split; one file per family.

A dealer is made from JSON parameters in every worker. Where a row goes depends on the parameters, the row's number and
its cells alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zenml.data.dealing.categories import CategoryDealer
from zenml.data.dealing.dealer import SKIP, Dealer
from zenml.data.dealing.hashed import KeyDealer, RowDealer, hash_borders
from zenml.data.dealing.times import TimeDealer

DEALERS: Mapping[str, type[Dealer]] = {
    "row": RowDealer,
    "key": KeyDealer,
    "category": CategoryDealer,
    "time": TimeDealer,
}
"""Every dealer by the name that a job's parameters hold in `by`."""

__all__ = ["DEALERS", "SKIP", "CategoryDealer", "Dealer", "KeyDealer", "RowDealer", "TimeDealer", "hash_borders"]


def make_dealer(params: Mapping[str, Any]) -> Dealer:
    """Return the dealer that the parameters describe."""
    return DEALERS[params["by"]](params)
