"""The digest of a step's code: its module and what that imports, as far as can be seen without running anything."""

from __future__ import annotations

import hashlib
import importlib.metadata
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from zenml.runtime.distributions import Distributions
from zenml.runtime.imports import find_module, imports_of


@dataclass(frozen=True)
class Code:
    """What a class is made of.

    Args:
        digest: SHA-256 over the names and sources of the modules; empty where the class has no source file.
        files: SHA-256 of each module's source, by its name, sorted.
        versions: versions of the other distributions that they import, by distribution.
    """

    digest: str
    files: tuple[tuple[str, str], ...] = ()
    versions: tuple[tuple[str, str], ...] = ()

    @property
    def modules(self) -> tuple[str, ...]:
        """The names of the modules."""
        return tuple(name for name, _ in self.files)


@cache
def code_of(kind: type, roots: tuple[Path, ...]) -> Code:
    """Return the code of a class: the closure of imports, also inside functions, under `roots`.

    A class from an installed distribution adds its own top package to the roots. Imports that are computed at run time
    are not seen. What was read once holds for the life of the process, as the imported code itself does.
    """
    module = sys.modules.get(kind.__module__)
    name = getattr(module, "__file__", None)
    if not name or not Path(name).is_file():
        return Code("")
    own = Path(name).resolve()
    places = [root.resolve() for root in roots if root.is_dir()]
    module_name = own.stem if kind.__module__ == "__main__" else kind.__module__
    if not any(own.is_relative_to(place) for place in places):
        parts = module_name.split(".")
        depth = len(parts) - (own.name != "__init__.py")
        places.append(own.parents[max(depth, 0)] if len(parts) > 1 or own.name == "__init__.py" else own.parent)
    return _closure(module_name, own, tuple(places))


def _closure(module_name: str, own: Path, roots: tuple[Path, ...]) -> Code:
    sources: dict[str, bytes] = {}
    outside: set[str] = set()
    waiting = [(module_name, own), *find_module(module_name, roots)]
    while waiting:
        name, path = waiting.pop()
        if name in sources:
            continue
        sources[name] = path.read_bytes()
        for wanted in imports_of(name, sources[name], is_package=path.name == "__init__.py"):
            found = find_module(wanted.name, roots)
            waiting += found
            if not found:
                outside.add(wanted.name.partition(".")[0])
    files = tuple((name, hashlib.sha256(sources[name]).hexdigest()) for name in sorted(sources))
    digest = hashlib.sha256("".join(f"{name} {sha}\n" for name, sha in files).encode())
    return Code(f"sha256:{digest.hexdigest()}", files, _versions(outside))


def _versions(names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return the versions of the distributions that offer these top-level modules; the core's own is left out."""
    wanted = sorted(set(names) - sys.stdlib_module_names - {"zenml", ""})
    if not wanted:
        return ()
    installed = Distributions()
    distributions = {found.name for name in wanted for found in installed.offering(name)}
    return tuple((name, importlib.metadata.version(name)) for name in sorted(distributions, key=str.lower))
