"""Loading: import one plugin alone, call its registration hooks, and say clearly what is wrong with it."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from types import ModuleType
from typing import TYPE_CHECKING, Any

from zenml import __version__
from zenml.errors import PluginError, Problem, closest
from zenml.plugins import hookspecs
from zenml.plugins.isolation import isolated, quarantine
from zenml.plugins.markers import IMPL
from zenml.plugins.scan import Plugin, Stamp, settled, stamp
from zenml.plugins.specs import HOOK_API, Spec, State

if TYPE_CHECKING:
    from pluggy import PluginManager


PATIENCE_S = 10.0
"""Seconds of loading after which the user is told what takes so long."""


class _Marked:
    """The marked functions of a module: pluggy looks at every attribute of what it registers, which takes time."""

    def __init__(self, module: ModuleType) -> None:
        self.__dict__.update({name: value for name, value in vars(module).items() if hasattr(value, IMPL)})

    def __dir__(self) -> list[str]:
        return list(self.__dict__)


class UnsoundPlugin(Exception):  # noqa: N818 - a finding, turned into a row at once
    """What is wrong with a plugin, found by ourselves."""

    def __init__(self, what: str, mend: str = "", state: State = State.BROKEN) -> None:
        self.state = state
        super().__init__(str(Problem(what, mend=mend)))


def load(plugins: Iterable[Plugin]) -> None:
    """Import plugins and call their registration hooks, each by itself.

    Args:
        plugins: what came of each is written into its `state`, `reason`, `specs`, `hooks`, `stamps` and `settled`.
    """
    loading: list[Plugin] = []
    with quarantine() as interrupts, _watch(loading):
        for plugin in plugins:
            loading[:] = [plugin]
            begun = time.time_ns()
            _forget(plugin)
            before = len(sys.modules)
            plugin.state, plugin.reason, plugin.specs, plugin.hooks = State.AVAILABLE, "", [], []
            try:
                module = _read(plugin)
                # A long-running process may hold the package from a place that another one has taken meanwhile.
                plugin.settled = str(module.__file__).startswith(plugin.root)
            except BaseException as error:
                if interrupts:
                    raise
                plugin.state, plugin.reason = _describe(error, plugin)
                plugin.settled, plugin.specs, plugin.hooks = False, [], []
            plugin.stamps = list(_stamps(plugin, len(sys.modules) - before))
            plugin.settled &= all(settled(mark[1], mark[2], since=begun) for mark in plugin.stamps)


def caller(module: str, name: str, hook: str) -> Any:
    """Return what calls one hook of one plugin alone, with keyword arguments.

    Raises:
        PluginError: the plugin cannot be imported any more.
    """
    with isolated() as raised:
        manager = _manager()
        manager.register(_Marked(importlib.import_module(module)), name)
    if raised:
        raise PluginError(f"plugin {name} cannot be loaded: {explain(raised[0])}") from raised[0]
    return getattr(manager.hook, hook)


def explain(error: BaseException, folder: str = "") -> str:
    """Return what was raised and, where it is known, the file and line.

    Args:
        error: what was raised.
        folder: prefer the innermost line inside this folder over the innermost of all.
    """
    text = _text(error)
    if isinstance(error, SyntaxError) and error.filename:
        return f"{type(error).__name__}: {error.msg} ({error.filename}, line {error.lineno})"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    frames = [frame for frame in frames if not frame.filename.startswith("<")]
    inside = [frame for frame in frames if folder and frame.filename.startswith(folder)] or frames
    return f"{text} ({inside[-1].filename}, line {inside[-1].lineno})" if inside else text


def _text(error: BaseException) -> str:
    try:
        said = str(error)
    except Exception:  # noqa: BLE001 - an exception of somebody else's making may fail to print
        said = ""
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


@contextlib.contextmanager
def _watch(loading: list[Plugin]) -> Iterator[None]:
    """Tell a user who waits which plugin it is that takes so long."""
    timer = threading.Timer(PATIENCE_S, _tell_delay, (loading,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _tell_delay(loading: list[Plugin]) -> None:
    for plugin in loading:
        sys.stderr.write(
            f"Still loading the plugin {plugin.name} of {plugin.distribution} {plugin.version}. If it hangs, run: "
            f"pip uninstall {plugin.distribution}\n"
        )


def _read(plugin: Plugin) -> ModuleType:
    module = importlib.import_module(plugin.module)
    _check_api(module)
    plugin.hooks = _check_marks(module)
    for spec in _offers(module, plugin.name, plugin.hooks):
        row = (spec.name, spec.kind, spec.target, spec.summary, [str(item) for item in spec.capabilities])
        plugin.specs.append(row)
    return module


def _manager() -> PluginManager:
    import pluggy

    manager = pluggy.PluginManager("zenml")
    manager.add_hookspecs(hookspecs)
    return manager


@lru_cache(maxsize=1)
def _registration() -> PluginManager:
    return _manager()


def _check_api(module: ModuleType) -> None:
    declared = getattr(module, "ZENML_HOOK_API", None)
    if not isinstance(declared, str):
        raise UnsoundPlugin(
            f"{module.__name__} does not say which hooks it is written for",
            f'Its author adds ZENML_HOOK_API = ">={HOOK_API.partition(".")[0]},<{int(HOOK_API.partition(".")[0]) + 1}"',
        )
    if not _fits(declared):
        raise UnsoundPlugin(
            f"it is written for hook API {declared}, and zenml-core {__version__} has {HOOK_API}",
            "Install versions of the two that fit each other",
            State.INCOMPATIBLE,
        )


@lru_cache(maxsize=64)
def _fits(declared: str) -> bool:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return SpecifierSet(declared).contains(HOOK_API)
    except InvalidSpecifier:
        raise UnsoundPlugin(f"ZENML_HOOK_API = {declared!r} is no version range", 'Write it as ">=1,<2"') from None


def _check_marks(module: ModuleType) -> list[str]:
    """Return the hooks that a plugin implements; pluggy would ignore a misspelt one."""
    wrong, found = [], []
    for name, value in list(vars(module).items()):
        options = getattr(value, IMPL, None)
        if not isinstance(options, dict):
            if name in hookspecs.HOOKS and callable(value):
                wrong.append(f"{name} is not marked. Put @hookimpl above it")
            continue
        hook = options.get("specname") or name
        if hook in hookspecs.HOOKS:
            found.append(hook)
        elif not options.get("optionalhook"):
            mend = closest(hook, hookspecs.HOOKS) or f"Known: {', '.join(hookspecs.HOOKS)}"
            wrong.append(f"ZenML has no hook {hook}. {mend}")
    if wrong:
        raise UnsoundPlugin("; ".join(wrong))
    if not found:
        raise UnsoundPlugin(f"{module.__name__} implements no hook", "Put @hookimpl above its hooks")
    return sorted(set(found))


def _offers(module: ModuleType, name: str, hooks: list[str]) -> Iterator[Spec]:
    """Yield what the registration hooks return, each hook called with this plugin alone."""
    manager, marked = _registration(), _Marked(module)
    try:
        manager.register(marked, name)
        manager.check_pending()
        for hook in hooks:
            if hook in hookspecs.KIND_OF:
                yield from _checked(hook, hookspecs.KIND_OF[hook], getattr(manager.hook, hook)())
        manager.unregister(marked)
    except BaseException:
        _registration.cache_clear()  # a plugin that was refused half-way stays in the manager
        raise


def _checked(hook: str, kind: str, results: list[object]) -> Iterator[Spec]:
    for result in results or [None]:
        if not isinstance(result, list | tuple):
            raise UnsoundPlugin(f"{hook} returned {_shown(result)}, not a list of Spec rows")
        for item in result:
            if not isinstance(item, Spec):
                raise UnsoundPlugin(f"{hook} returned a list with {_shown(item)}, which is no Spec")
            if item.kind != kind:
                raise UnsoundPlugin(f"{hook} returned {item.name} as {item.kind}; this hook is for kind {kind}")
            yield item


def _shown(value: object) -> str:
    return "nothing" if value is None else f"a value of type {type(value).__name__}"


def _describe(error: BaseException, plugin: Plugin) -> tuple[State, str]:
    """Return the state and the reason of a plugin that raised."""
    if isinstance(error, UnsoundPlugin):
        return error.state, str(error)
    name = getattr(error, "name", None) or ""
    if isinstance(error, ImportError) and (name == "zenml" or name.startswith("zenml.")):
        what = f"it imports what zenml-core {__version__} does not have ({_text(error)})"
        return (
            State.INCOMPATIBLE,
            f"{what}. Install versions of {plugin.distribution} and zenml-core that fit each other",
        )
    if isinstance(error, ModuleNotFoundError) and (plugin.module == name or plugin.module.startswith(f"{name}.")):
        what = f"its entry point names the module {plugin.module}, and there is no {name}"
        return State.BROKEN, f"{what}. Reinstall {plugin.distribution}"
    from pluggy import PluginValidationError

    if isinstance(error, PluginValidationError):
        return State.BROKEN, f"a hook does not fit its declaration: {' '.join(str(error).split())}"
    return State.BROKEN, explain(error, f"{plugin.root}{os.sep}{plugin.module.partition('.')[0]}")


def _forget(plugin: Plugin) -> None:
    """Drop what a long-running process imported of a plugin before its files changed."""
    sys.modules.pop(plugin.module, None)
    changed = {str(mark[0]) for mark in plugin.stamps if stamp(str(mark[0])) != mark}
    if changed:
        prefix = f"{plugin.module.partition('.')[0]}."
        for name, module in list(sys.modules.items()):
            inside = name.startswith(prefix) and not hasattr(module, "__path__")
            if inside and getattr(module, "__file__", "") in changed:
                del sys.modules[name]


def _stamps(plugin: Plugin, fresh: int) -> Iterator[Stamp]:
    """Yield stamps of the plugin's module, of its packages, and of what else of these it imported.

    Args:
        plugin: the plugin, just loaded.
        fresh: how many modules were imported for it; they are the last in `sys.modules`.
    """
    parts = plugin.module.split(".")
    own = {".".join(parts[:length]) for length in range(1, len(parts) + 1)}
    own.update(name for name in islice(reversed(sys.modules), max(fresh, 0)) if name.startswith(f"{parts[0]}."))
    for name in sorted(own):
        file = getattr(sys.modules.get(name), "__file__", None)
        found = (stamp(file) or stamp(plugin.root)) if file else None
        if found:
            yield found
