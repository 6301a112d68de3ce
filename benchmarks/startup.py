"""How long `--help` takes, over a bare interpreter."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.timing import Row, interleaved, processor_seconds, python


def measure() -> list[Row]:
    """Return the rows of the table."""
    zenml = str(Path(sys.executable).with_name("zenml"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cache = {"XDG_CACHE_HOME": name}
        bare, help_, group = interleaved(
            21,
            python("pass", folder),
            lambda: processor_seconds([zenml, "--help"], folder, cache),
            lambda: processor_seconds([zenml, "pipeline", "--help"], folder, cache),
        )
    note = f"processor time; bare interpreter: {bare * 1000:.0f} ms"
    return [
        Row("zenml --help, over a bare interpreter", (help_ - bare) * 1000, 60, "ms", note),
        Row("zenml pipeline --help, over a bare interpreter", (group - bare) * 1000, 60, "ms", note),
    ]
