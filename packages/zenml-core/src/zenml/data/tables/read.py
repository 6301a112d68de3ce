"""TableRead: what reading a source into a snapshot gave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class TableRead:
    """What a reading gave besides the files: row counts by split, and what the TFRecord copies lost by column."""

    splits: dict[str, Any]
    casts: dict[str, str]
