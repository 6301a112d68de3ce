"""Dealers by hash: of the row's number, or of its key columns."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import Any

import numpy as np
import pyarrow as pa

from zenml.data.dealing.dealer import Dealer, Places
from zenml.data.hashing import Hashes, row_hashes
from zenml.data.keys import key_hashes

_WHOLE = 1 << 64


def hash_borders(shares: Mapping[str, float]) -> dict[str, int]:
    """Return by split, in the order of their names, the first hash that no longer belongs to it.

    Args:
        shares: parts of the whole; they sum to 1.
    """
    names = sorted(shares)
    totals = [*accumulate(shares[name] for name in names)][:-1]
    return dict(zip(names, [*(min(_WHOLE, round(total * _WHOLE)) for total in totals), _WHOLE], strict=True))


class RowDealer(Dealer):
    """Deals by a hash of the row's number.

    Params: `borders` (values of `hash_borders`, in the order of the splits), `seed`.
    """

    def __init__(self, params: Mapping[str, Any]) -> None:
        super().__init__(params)
        self._inner = _inner(params)

    def places(self, batch: pa.RecordBatch, first: int) -> Places:
        """Return the place of each row."""
        if not len(self._inner):
            return np.zeros(batch.num_rows, np.int64)
        return _places(self._inner, row_hashes(self.params["seed"], first, batch.num_rows))


class KeyDealer(Dealer):
    """Deals by a hash of the cells in key columns, so that rows with one key stay together.

    Params: `columns`, `borders`, `seed`.
    """

    def __init__(self, params: Mapping[str, Any]) -> None:
        super().__init__(params)
        self._inner = _inner(params)

    def places(self, batch: pa.RecordBatch, first: int) -> Places:
        """Return the place of each row."""
        return _places(self._inner, key_hashes(batch, self.params["columns"], self.params["seed"]))


def _inner(params: Mapping[str, Any]) -> Hashes:
    return np.array([border for border in params["borders"] if border < _WHOLE], np.uint64)


def _places(inner: Hashes, hashes: Hashes) -> Places:
    return np.searchsorted(inner, hashes, side="right").astype(np.int64)
