"""Targets: import what `package.module:Class` names, with an error that says which part of it is wrong."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

from zenml import __version__
from zenml.errors import PluginError, closest
from zenml.plugins.specs import is_target


def import_target(target: str, offer: str = "") -> Any:
    """Import a target.

    Args:
        target: `package.module:Class`; `__main__` is the script or notebook that runs.
        offer: whose target it is, for the message; empty for one that the user wrote.

    Raises:
        PluginError: it is not written so, or the module cannot be imported, or holds no such name.
    """
    where = offer or target
    if "<locals>" in target:
        raise PluginError("it is defined inside a function", where, "Move it to the top level of its module")
    if not is_target(target):
        mend = "Only steps can be pinned to a commit" if "@" in target and not offer else ""
        raise PluginError("this does not read package.module:Class", where, mend)
    module_name, _, qualname = target.partition(":")
    found: Any = _import(module_name, where, offer)
    for part in qualname.split("."):
        if not hasattr(found, part):
            owner = found.__name__
            known = [name for name in vars(found) if isinstance(getattr(found, name, None), type)]
            mend = closest(part, known) or (f"It has: {', '.join(sorted(known))}" if known and not offer else "")
            raise PluginError(f"{owner} has no {part}", where, mend)
        found = getattr(found, part)
    return found


def _import(name: str, where: str, offer: str) -> ModuleType:
    if name in ("__main__", "__mp_main__"):
        return sys.modules[name]
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if name == missing or name.startswith(f"{missing}."):
            mend = "" if offer else "Is its folder one of the source roots, or its distribution installed?"
            raise PluginError(f"there is no module {missing}", where, mend) from error
        if missing.startswith("zenml."):
            what = f"{name} imports {missing}, which zenml-core {__version__} does not have"
            raise PluginError(what, where, "Install versions of the two that fit each other") from error
        mend = f"If a distribution of that name is needed, run: pip install {missing.partition('.')[0]}"
        raise PluginError(f"{name} imports {missing}, which is not installed", where, mend) from error
    except (Exception, SystemExit) as error:
        from zenml.plugins.loader import explain

        raise PluginError(f"importing {name} failed: {explain(error)}", where) from error
