"""Builds a wheel by its backend's own hooks (PEP 517), in a process of its own: `python -P -m` this module.

The one argument is an order in JSON; exit code 3 says that the backend asks for what is not installed.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

from zenml.plugins.requirements import unmet
from zenml.runtime.environment import installed

LACKS = 3
"""The exit code where the backend asks for distributions that are not installed."""


def main(order: dict[str, Any]) -> int:
    """Build, and return the exit code.

    Args:
        order: `backend` (`module:object`), `path` (folders where it is looked for first) and `out` (where to build).
    """
    sys.path[:0] = order["path"]
    module, _, attributes = order["backend"].partition(":")
    backend: Any = importlib.import_module(module)
    for name in filter(None, attributes.split(".")):
        backend = getattr(backend, name)
    asks = getattr(backend, "get_requires_for_build_wheel", list)
    if unmet(asks(), installed())[1]:
        return LACKS
    backend.build_wheel(order["out"])
    return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
