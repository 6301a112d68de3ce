"""The decorators that mark hooks, as pluggy's own markers would, without importing pluggy.

Listing reads thousands of plugin modules in the worst case and a cached listing none; neither should pay for pluggy
before a hook is called.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

Function = TypeVar("Function", bound=Callable[..., Any])

IMPL = "zenml_impl"
"""Where a marked implementation carries its options: pluggy looks for `<project>_impl`."""

SPEC = "zenml_spec"
"""Where a hook's declaration carries its options: pluggy looks for `<project>_spec`."""


@overload
def hookimpl(function: Function) -> Function: ...


@overload
def hookimpl(
    *, tryfirst: bool = False, trylast: bool = False, optionalhook: bool = False, specname: str | None = None
) -> Callable[[Function], Function]: ...


def hookimpl(
    function: Function | None = None,
    *,
    tryfirst: bool = False,
    trylast: bool = False,
    optionalhook: bool = False,
    specname: str | None = None,
) -> Function | Callable[[Function], Function]:
    """Mark a function of a plugin as the implementation of the hook that it is named after.

    Args:
        function: the implementation; left out when options are given.
        tryfirst: call it before those of other plugins.
        trylast: call it after those of other plugins.
        optionalhook: stay silent when this version of ZenML has no such hook.
        specname: the hook's name, where the function has another one.
    """

    def mark(marked: Function) -> Function:
        options = {
            "wrapper": False,
            "hookwrapper": False,
            "optionalhook": optionalhook,
            "tryfirst": tryfirst,
            "trylast": trylast,
            "specname": specname,
        }
        setattr(marked, IMPL, options)
        return marked

    return mark if function is None else mark(function)


def hookspec(function: Function) -> Function:
    """Mark a function as the declaration of a hook."""
    setattr(function, SPEC, {"firstresult": False, "historic": False, "warn_on_impl": None, "warn_on_impl_args": None})
    return function
