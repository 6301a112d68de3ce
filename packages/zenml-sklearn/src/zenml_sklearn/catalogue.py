"""The catalogue of scikit-learn's classifiers and regressors, read from its source files.

Importing scikit-learn takes a second, reading a few of its files some milliseconds. So a pipeline can be validated,
planned and served from the cache without the import.
"""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, cast

_ROOT = "sklearn"
_NOT_PUBLIC = {"tests", "externals", "setup", "conftest", "experimental", "estimator_checks"}
_ESTIMATOR = "BaseEstimator"
_KINDS: dict[str, Literal["classifier", "regressor"]] = {
    "ClassifierMixin": "classifier",
    "RegressorMixin": "regressor",
}


@dataclass(frozen=True)
class Estimator:
    """A classifier or regressor of scikit-learn.

    Args:
        name: its class name.
        module: a public module to import it from.
        kind: `classifier` or `regressor`.
        parameters: the names of its parameters.
        required: those without a default.
    """

    name: str
    module: str
    kind: Literal["classifier", "regressor"]
    parameters: tuple[str, ...]
    required: tuple[str, ...]

    def load(self) -> type:
        """Import the class."""
        kind: type = getattr(importlib.import_module(self.module), self.name)
        return kind


@cache
def find(name: str) -> Estimator | None:
    """Return the classifier or regressor called `name`, or None when scikit-learn has none."""
    if not re.fullmatch(r"[A-Z]\w*", name):
        return None
    offers = (_describe(module, name) for module in _public_modules() if _offers(module, name))
    return next((estimator for estimator in offers if estimator is not None), None)


@cache
def names() -> tuple[str, ...]:
    """Return the names of all classifiers and regressors (reads all of scikit-learn's public modules)."""
    found = {name for module in _public_modules() for name in _offered(module) if _describe(module, name)}
    return tuple(sorted(found))


@dataclass(frozen=True)
class _Class:
    """What the source of a class says: its bases, where it was found, its constructor, which methods are abstract."""

    name: str
    module: str = ""
    bases: tuple[str, ...] = ()
    init: ast.arguments | None = None
    abstract: frozenset[str] = frozenset()
    defined: frozenset[str] = frozenset()


@cache
def _folder() -> Path:
    spec = importlib.util.find_spec(_ROOT)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("scikit-learn is not installed")
    return Path(spec.submodule_search_locations[0])


@cache
def _public_modules() -> tuple[str, ...]:
    """Return the public modules, packages first: their files are small, and offer nearly all there is."""
    modules = _walk(_folder(), _ROOT)
    return tuple(module for module, _ in sorted(modules, key=lambda row: not row[1]))


def _walk(folder: Path, package: str) -> Iterator[tuple[str, bool]]:
    """Yield what scikit-learn's own listing of estimators takes for public modules, and whether each is a package."""
    for path in sorted(folder.iterdir()):
        name = path.stem
        if name.startswith("_") or name in _NOT_PUBLIC:
            continue
        if path.is_dir() and (path / "__init__.py").exists():
            yield f"{package}.{name}", True
            yield from _walk(path, f"{package}.{name}")
        elif path.suffix == ".py":
            yield f"{package}.{name}", False


def _file(module: str) -> Path | None:
    path = _folder().joinpath(*module.split(".")[1:])
    for candidate in (path / "__init__.py", path.with_suffix(".py")):
        if candidate.exists():
            return candidate
    return None


@cache
def _text(module: str) -> str:
    path = _file(module)
    return path.read_text(encoding="utf-8") if path else ""


_OFFERS = r"""^class ({name})\b|["']({name})["']"""
"""How a public module shows a class: it defines it, or lists it in `__all__`."""


def _offers(module: str, name: str) -> bool:
    return name in _text(module) and re.search(_OFFERS.format(name=name), _text(module), re.MULTILINE) is not None


def _offered(module: str) -> set[str]:
    found = re.findall(_OFFERS.format(name=r"[A-Z]\w*"), _text(module), re.MULTILINE)
    return {defined or listed for defined, listed in found}


_IMPORT = re.compile(r"^from (\S+) import (?:\(([^)]*)\)|(.+))$", re.MULTILINE)
_INIT = re.compile(r"^    def __init__(\(.*?\)):$", re.MULTILINE | re.DOTALL)
_MEMBER = re.compile(r"^    (@abstractmethod\n    )?(?:def )?(\w+)(?:\(| =)", re.MULTILINE)


@cache
def _imports(module: str) -> dict[str, tuple[str, str]]:
    """Return what a module imports from where, by the name that it gives it; scikit-learn's imports are absolute."""
    found = {}
    for origin, several, one in _IMPORT.findall(_text(module)):
        for part in (several or one).split(","):
            words = part.split("#")[0].split()
            if words:
                found[words[-1]] = (origin, words[0])
    return found


@cache
def _class(module: str, name: str) -> _Class | None:
    """Return the class called `name` in a module, wherever in scikit-learn it is defined."""
    if module.split(".")[0] != _ROOT:
        return None
    text = _text(module)
    head = re.search(rf"^class {name}(?:\(([^)]*)\))?:$", text, re.MULTILINE)
    if head is None:
        origin, original = _imports(module).get(name, ("", ""))
        return _class(origin, original) if origin else None
    end = re.compile(r"^[^\s#)]", re.MULTILINE).search(text, head.end())
    body = text[head.end() : end.start() if end else len(text)]
    init = _INIT.search(body)
    members = _MEMBER.findall(body)
    return _Class(
        name,
        module,
        tuple(re.findall(r"(?<![\w=.])[A-Za-z_]\w*(?!\s*[=\w])", head[1] or "")),
        _arguments(init[1]) if init else None,
        frozenset(member for mark, member in members if mark),
        frozenset(member for _, member in members),
    )


def _arguments(signature: str) -> ast.arguments:
    return cast("ast.FunctionDef", ast.parse(f"def __init__{signature}: ...").body[0]).args


@cache
def _ancestry(module: str, name: str) -> tuple[_Class, ...]:
    """Return the class and its bases within scikit-learn, nearest first; the roots stand for themselves."""
    if name == _ESTIMATOR or name in _KINDS:
        return (_Class(name),)
    found = _class(module, name)
    if found is None:
        return ()
    return (found, *(ancestor for base in found.bases for ancestor in _ancestry(found.module, base)))


@cache
def _describe(module: str, name: str) -> Estimator | None:
    if name.startswith("_") or name in _KINDS:
        return None
    ancestry = _ancestry(module, name)
    kind = next((_KINDS[row.name] for row in ancestry if row.name in _KINDS), None)
    if kind is None or _is_abstract(ancestry) or all(row.name != _ESTIMATOR for row in ancestry):
        return None
    init = next((row.init for row in ancestry if row.init is not None), None)
    if init is None:
        return Estimator(name, module, kind, (), ())
    arguments = (*init.args[1:], *init.kwonlyargs)
    first = len(init.args) - 1 - len(init.defaults)
    defaults = (*(None,) * first, *init.defaults, *init.kw_defaults)
    required = (argument.arg for argument, default in zip(arguments, defaults, strict=True) if default is None)
    return Estimator(name, module, kind, tuple(argument.arg for argument in arguments), tuple(required))


def _is_abstract(ancestry: tuple[_Class, ...]) -> bool:
    """Say whether a method is still abstract where it is defined nearest to the class."""
    seen: set[str] = set()
    for row in ancestry:
        if row.abstract - seen:
            return True
        seen |= row.defined
    return False
