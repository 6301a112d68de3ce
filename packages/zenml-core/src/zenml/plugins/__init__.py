"""The plugin system, as a plugin's author sees it.

A plugin is a small module that an entry point of the group `zenml.plugins` names. It imports nothing but this package,
says in `ZENML_HOOK_API` which versions of the hooks it is written for, and implements hooks of
`zenml.plugins.hookspecs`, each of which returns `Spec` rows:

    from zenml.plugins import Spec, hookimpl

    ZENML_HOOK_API = ">=1,<2"


    @hookimpl
    def zenml_steps() -> list[Spec]:
        return [Spec("GreetStep", "step", "zenml_greet.step:GreetStep", "Greets each split")]
"""

from __future__ import annotations

from zenml.plugins.markers import hookimpl
from zenml.plugins.specs import HOOK_API, Capability, Spec

__all__ = ["HOOK_API", "Capability", "Spec", "hookimpl"]
