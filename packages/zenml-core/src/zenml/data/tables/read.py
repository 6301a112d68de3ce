"""TableRead: what reading a source into a snapshot gave."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class TableRead:
    """What a reading gave besides the files.

    Args:
        splits: row counts by split.
        casts: what the TFRecord copies lost, by column.
        bad_rows: what `leave_out` says of the rows that were left out; empty where none may be.
    """

    splits: dict[str, Any]
    casts: dict[str, str]
    bad_rows: dict[str, Any] = field(default_factory=dict)
