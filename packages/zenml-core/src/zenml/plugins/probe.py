"""The probe: load one plugin and all that it offers, in a process that may die of it."""

from __future__ import annotations

import contextlib
import importlib
import json
from pathlib import Path
from typing import Any

from zenml.errors import PluginError
from zenml.plugins.isolation import isolated
from zenml.plugins.loader import explain, load
from zenml.plugins.scan import Plugin
from zenml.plugins.target import import_target

STARTER = (
    "import json, sys; order = json.loads(sys.argv[1]); sys.path[:] = order['path']; "
    "from zenml.plugins.probe import examine; examine(order)"
)
"""The program of the process; its argument is the order as JSON."""


def examine(order: dict[str, Any]) -> None:
    """Load a plugin and import its targets; write what came of it as JSON.

    Args:
        order: `name`, `module`, `distribution` and `version` of the plugin, and `result`, the file to write.
    """
    with contextlib.suppress(BaseException):
        importlib.import_module(order["module"])  # what it prints now reaches standard output, where the doctor looks
    plugin = Plugin(order["name"], order["module"], order["distribution"], order["version"], [], [])
    load([plugin])
    problems = []
    for name, kind, target, _, _ in plugin.specs:
        with isolated() as raised:
            import_target(target, name)
        for error in raised:
            what = error.problems[0].what if isinstance(error, PluginError) else explain(error)
            mend = error.problems[0].mend if isinstance(error, PluginError) else ""
            problems.append({"where": f"{kind} {name}", "what": what, "mend": mend})
    found = {"state": plugin.state, "reason": plugin.reason, "specs": plugin.specs, "hooks": plugin.hooks}
    result = Path(order["result"])
    partial = result.with_suffix(".partial")
    partial.write_text(json.dumps({**found, "problems": problems}), "utf-8")
    partial.replace(result)
