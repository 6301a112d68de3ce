"""How long `import zenml` and `--help` take, over a bare interpreter."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.timing import Row, interleaved, python, seconds


def measure() -> list[Row]:
    """Return the rows of the table."""
    zenml = str(Path(sys.executable).with_name("zenml"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cache = {"XDG_CACHE_HOME": name}
        bare, imported, help_, group, listing, plugins = interleaved(
            21,
            python("pass", folder),
            python("import zenml", folder),
            lambda: seconds([zenml, "--help"], folder, cache),
            lambda: seconds([zenml, "pipeline", "--help"], folder, cache),
            python("import zenml_sklearn.plugin", folder),
            python("import zenml.plugins", folder),
        )
    note = f"bare interpreter: {bare * 1000:.0f} ms"
    return [
        Row("import zenml, over a bare interpreter", (imported - bare) * 1000, 10, "ms", note),
        Row("zenml --help, over a bare interpreter", (help_ - bare) * 1000, 60, "ms", note),
        Row("zenml pipeline --help, over a bare interpreter", (group - bare) * 1000, 60, "ms", note),
        Row("a plugin's listing module, over import zenml.plugins", (listing - plugins) * 1000, 5, "ms"),
    ]
