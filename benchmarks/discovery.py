"""Discovery of plugins at 0, 100 and 1,000 installed ones, and what imports cost: `python benchmarks/discovery.py`.

Generated distributions lie in a scratch folder that is put on `sys.path`. Every figure is processor time, which is
nearly all of the time here and does not depend on what else the machine does: the least of several processes that ran
in turns, as a difference to a baseline of the same turns where the row says so.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TURNS = 9

LISTING = """from zenml.plugins import Spec, hookimpl

ZENML_HOOK_API = ">=1,<2"


@hookimpl
def zenml_processing_backends() -> list[Spec]:
    return [Spec("Processing{number}Backend", "processing", "{package}.engine:Processing{number}Backend", "Engine")]
"""

CLOCK = "import time; begun = time.process_time(); {code}; print(time.process_time() - begun)"
LIST = "from zenml.repo import Repository; assert len(Repository.get_backends()) > {count}"


def measure() -> list[dict[str, Any]]:
    """Return rows with the keys what, measured, budget, unit and note."""
    with tempfile.TemporaryDirectory(prefix="zenml-discovery-") as name:
        folder = Path(name)
        for count in (0, 100, 1000):
            _generate(folder / f"site{count}", count)
        _run(folder, LIST.format(count=1000), 1000)  # compiles every module
        least = _interleave(folder)
    rows = []
    for count in (100, 1000):
        warm = least[f"warm {count}"] - least["warm 0"]
        rows.append(_row(f"get_backends(), {count:,} plugins, warm, over none", warm, 30 if count == 1000 else None))
    for count in (100, 1000):
        cold = least[f"cold {count}"]
        rows.append(
            _row(f"get_backends(), {count:,} plugins, cold", cold, 500 if count == 1000 else None, "whole listing")
        )
    rows.append(_row("get_backends(), the core alone, warm", least["warm 0"], None, "whole listing, imports included"))
    rows.append(_row("import a listing module, over zenml.plugins", least["listing"], 5))
    rows.append(_row("import zenml, over a bare interpreter", least["import zenml"], 10))
    return rows


def _generate(site: Path, count: int) -> None:
    site.mkdir()
    for number in range(count):
        package = f"plugin_{number}"
        (site / package).mkdir()
        (site / package / "__init__.py").write_text("")
        (site / package / "plugin.py").write_text(LISTING.format(number=number, package=package))
        facts = site / f"{package}-1.0.dist-info"
        facts.mkdir()
        facts.joinpath("entry_points.txt").write_text(f"[zenml.plugins]\n{package} = {package}.plugin\n")
        facts.joinpath("METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\nRequires-Dist: pluggy>=1.0\n\nA plugin.\n"
        )


def _interleave(folder: Path) -> Mapping[str, float]:
    least: dict[str, float] = {}

    def note(what: str, seconds: float) -> None:
        least[what] = min(seconds, least.get(what, seconds))

    for _ in range(TURNS):
        for count in (0, 100, 1000):
            for cache in (folder / f"cache{count}").rglob("*.json"):
                cache.unlink()
            note(f"cold {count}", _run(folder, LIST.format(count=count), count))
        for count in (0, 100, 1000):
            note(f"warm {count}", _run(folder, LIST.format(count=count), count))
        note("listing", _run(folder, "import plugin_1.plugin", 100, "import zenml.plugins"))
        note("import zenml", _run(folder, "import zenml", 0))
    return least


def _run(folder: Path, code: str, count: int, before: str = "pass") -> float:
    """Return the seconds that a piece of code takes in a fresh interpreter with that many plugins."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTHON"))},
        "PYTHONPATH": str(folder / f"site{count}"),
        "XDG_CACHE_HOME": str(folder / f"cache{count}"),
    }
    program = f"{before}; {CLOCK.format(code=code)}"
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=folder, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def _row(what: str, seconds: float, budget: float | None, note: str = "") -> dict[str, Any]:
    return {"what": what, "measured": round(seconds * 1000, 1), "budget": budget, "unit": "ms", "note": note}


if __name__ == "__main__":
    for row in measure():
        limit = "" if row["budget"] is None else f"≤ {row['budget']:g}"
        print(f"{row['what']:<52}{row['measured']:>9.1f} {row['unit']} {limit:<8} {row['note']}")
