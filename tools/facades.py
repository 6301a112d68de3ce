"""Write what derives from the plugins under packages/: the table of first-party names, and the facades' `.pyi` files.

`python tools/facades.py` writes them; with `--check` it names the files that are out of date and exits with 1.
"""

from __future__ import annotations

import importlib
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ROOT / "packages"
CORE = PACKAGES / "zenml-core" / "src"

TABLE = '''"""Names that ZenML's own distributions offer, for messages about those not installed.

Written by tools/facades.py.
"""

from __future__ import annotations

FIRST_PARTY: dict[str, tuple[str, str]] = {
    ROWS
}
"""Distribution and kind by name."""
'''


def main(arguments: list[str]) -> int:
    """Write or check the derived files; return the exit code."""
    stale = [path for path, text in derived().items() if not path.exists() or path.read_text("utf-8") != text]
    for path in stale:
        if "--check" not in arguments:
            path.write_text(derived()[path], "utf-8")
        sys.stdout.write(f"{path.relative_to(ROOT)} {'is out of date' if '--check' in arguments else 'written'}\n")
    return 1 if stale and "--check" in arguments else 0


def derived() -> dict[Path, str]:
    """Return the text of every derived file by its path."""
    sys.path[:0] = [str(folder) for folder in sorted(PACKAGES.glob("*/src")) if str(folder) not in sys.path]
    from zenml.plugins.facade import FACADES, home

    rows = sorted(offers())
    files = {CORE / "zenml" / "plugins" / "first_party.py": table(rows)}
    for module, facade in FACADES.items():
        served = {name: target for name, kind, _, target in rows if home(name, kind) == module}
        path = CORE.joinpath(*module.split("."))
        docstring = importlib.import_module(module).__doc__ or ""
        files[path / "__init__.pyi"] = stub(docstring, {**facade.bases, **served})
    return files


def offers() -> Iterator[tuple[str, str, str, str]]:
    """Yield name, kind, distribution and target of all that the packages' own plugins offer."""
    from zenml.plugins.loader import load
    from zenml.plugins.scan import GROUP, Plugin

    for project in sorted(PACKAGES.glob("*/pyproject.toml")):
        facts = tomllib.loads(project.read_text("utf-8"))["project"]
        for name, module in facts.get("entry-points", {}).get(GROUP, {}).items():
            plugin = Plugin(name, module, facts["name"], facts["version"], [], [])
            load([plugin])
            if plugin.reason:
                raise SystemExit(f"{facts['name']}: {plugin.reason}")
            for spec in plugin.specs:
                yield spec[0], spec[1], facts["name"], spec[2]


def table(rows: list[tuple[str, str, str, str]]) -> str:
    """Return the module that holds the table of first-party names."""
    lines = [f'    "{name}": ("{distribution}", "{kind}"),\n' for name, kind, distribution, _ in rows]
    return TABLE.replace("    ROWS\n", "".join(lines))


def stub(docstring: str, served: dict[str, str]) -> str:
    """Return the `.pyi` of a facade, in which type checkers and editors see the real classes."""
    imports = sorted((*target.split(":"), name) for name, target in served.items())
    lines = [f"from {module} import {qualname} as {name}\n" for module, qualname, name in imports]
    head = f"# {docstring}\n# Written by tools/facades.py.\n"
    return "".join([head, "\n" if lines else "", *lines])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
