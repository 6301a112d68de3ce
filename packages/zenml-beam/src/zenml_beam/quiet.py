"""Importing Beam without what it says on the way, and without the log handler that it would leave behind."""

from __future__ import annotations

import logging
from typing import Any


def import_beam() -> Any:
    """Return the module `apache_beam`.

    Its import warns of optional packages through the root logger, which would set up logging for the whole process.
    """
    silent, nothing, root = logging.NullHandler(), _Nothing(), logging.getLogger()
    root.addHandler(silent)
    root.addFilter(nothing)
    try:
        import apache_beam
    finally:
        root.removeFilter(nothing)
        root.removeHandler(silent)
    return apache_beam


class _Nothing(logging.Filter):
    """Lets nothing through of what is logged to the logger itself, which no library should do."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Hold it back."""
        return False
