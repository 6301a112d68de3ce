"""How long `--help` and the listing modules of the installed plugins take."""

from __future__ import annotations

import importlib.metadata
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
        listings = sorted({point.value for point in importlib.metadata.entry_points(group="zenml.plugins")})
        imports, *over = interleaved(
            21,
            python("import zenml.plugins", folder),
            *(python(f"import zenml.plugins, {module}", folder) for module in listings),
        )
    slowest, module = max(zip(over, listings, strict=True))
    note = f"processor time; bare interpreter: {bare * 1000:.0f} ms"
    return [
        Row("zenml --help, over a bare interpreter", (help_ - bare) * 1000, 60, "ms", note),
        Row("zenml pipeline --help, over a bare interpreter", (group - bare) * 1000, 60, "ms", note),
        Row(
            f"the slowest import of {len(listings)} installed listing modules, over zenml.plugins",
            (slowest - imports) * 1000,
            5,
            "ms",
            f"processor time; {module}",
        ),
    ]
