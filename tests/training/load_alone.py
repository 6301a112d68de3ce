"""Load a model bundle and predict its example: `python load_alone.py BUNDLE ALLOWED…`.

Of all that is installed only the distributions ALLOWED and what they require can be imported, as in an environment that
has nothing else; and whatever unpickles raises. The process prints the predictions as JSON.
"""

from __future__ import annotations

import importlib.metadata
import json
import pickle
import re
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import ModuleType


def normal(name: str) -> str:
    """Return a distribution's name as all spellings of it are compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def required(names: Sequence[str]) -> set[str]:
    """Return distributions and all that they require, without extras, by their normalised names."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = normal(waiting.pop())
        if name in found:
            continue
        found.add(name)
        try:
            lines = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:  # of another platform or Python
            continue
        waiting += [re.split(r"[^\w.-]", line)[0] for line in lines if "extra ==" not in line]
    return found


class Blocked(MetaPathFinder):
    """Finds no module of any distribution but those that are allowed."""

    def __init__(self, allowed: set[str]) -> None:
        installed = {normal(found.name) for found in importlib.metadata.distributions()}
        self.blocked = {name.replace("-", "_") for name in installed - allowed}  # of editable ones no modules are told
        for module, owners in importlib.metadata.packages_distributions().items():
            if not allowed.intersection(map(normal, owners)):
                self.blocked.add(module)

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        """Refuse a module that is blocked."""
        if name.partition(".")[0] in self.blocked:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def refuse(*_: object, **__: object) -> None:
    """Refuse to unpickle."""
    raise AssertionError("something was unpickled")


def main() -> None:
    """Load and predict."""
    bundle, *names = sys.argv[1:]
    before = set(sys.modules)
    finder = Blocked(required(names))
    sys.meta_path.insert(0, finder)
    if "torch" in required(names):
        import torch

        torch.load = refuse
    if "tensorflow" in required(names):
        import keras  # noqa: F401 - what it unpickles while it is imported is its own
    pickle.load = pickle.loads = refuse
    pickle.Unpickler = type("Unpickler", (), {"__init__": refuse})

    import pyarrow as pa

    from zenml.steps.trainer.loading import load_model

    model = load_model(Path(bundle))
    rows = json.loads(Path(bundle, "example.json").read_text())["inputs"]
    found = model.predict(pa.RecordBatch.from_pylist(rows))
    there = sorted(name for name in finder.blocked if name in sys.modules and name not in before)
    scores = {name: row.scores.tolist() for name, row in found.items()}
    print(json.dumps({"scores": scores, "blocked": sorted(finder.blocked), "blocked but there": there}))


if __name__ == "__main__":
    main()
