"""The catalogue of scikit-learn's classifiers, regressors and transformers, read from its source files.

Importing scikit-learn takes a second, reading a few of its files some milliseconds. So a pipeline can be validated,
planned and served from the cache without the import.
"""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias, cast

from zenml.plugins.target import import_target

_ROOT = "sklearn"
_NOT_PUBLIC = {"tests", "externals", "setup", "conftest", "experimental", "estimator_checks"}
_ESTIMATOR = "BaseEstimator"
Kind: TypeAlias = Literal["classifier", "regressor", "transformer", "pipeline"]
"""What an estimator does; a pipeline does what the last of its steps does."""

PREDICTORS: tuple[Kind, ...] = ("classifier", "regressor")
PIPELINE = "Pipeline"

_KINDS: dict[str, Kind] = {
    "ClassifierMixin": "classifier",
    "RegressorMixin": "regressor",
    "TransformerMixin": "transformer",
}
"""Kinds by the class that stands for each, in the order in which they count: some classifiers transform as well."""


@dataclass(frozen=True)
class Estimator:
    """An estimator of scikit-learn, or one of the user's own.

    Args:
        name: its class name, or `module:Class`.
        module: a public module to import it from.
        kind: what it does.
        parameters: the names of its parameters.
        required: those without a default.
        arguments: by name of the method (`fit`, `partial_fit`), what it takes beside the features.
    """

    name: str
    module: str
    kind: Kind
    parameters: tuple[str, ...]
    required: tuple[str, ...]
    arguments: Mapping[str, tuple[str, ...]] = field(default_factory=dict, compare=False)

    def load(self) -> type:
        """Import the class."""
        target = self.name if ":" in self.name else f"{self.module}:{self.name}"
        kind: type = import_target(target)
        return kind


def find(name: str) -> Estimator | None:
    """Return the classifier or regressor called `name`, or None when scikit-learn has none."""
    found = find_any(name)
    return found if found is not None and found.kind in PREDICTORS else None


@cache
def find_any(name: str) -> Estimator | None:
    """Return the estimator called `name`, of whatever kind, or None when scikit-learn has none."""
    if not re.fullmatch(r"[A-Z]\w*", name):
        return None
    offers = (_describe(module, name) for module in _public_modules() if _offers(module, name))
    return next((estimator for estimator in offers if estimator is not None), None)


@cache
def names(kinds: tuple[Kind, ...] = PREDICTORS) -> tuple[str, ...]:
    """Return the names of all estimators of some kinds (reads all of scikit-learn's public modules)."""
    offered = ((module, name) for module in _public_modules() for name in _offered(module))
    found = {name for module, name in offered if (row := _describe(module, name)) and row.kind in kinds}
    return tuple(sorted(found))


@dataclass(frozen=True)
class _Class:
    """What the source of a class says: its bases, where it was found, its methods and which of them are abstract."""

    name: str
    module: str = ""
    bases: tuple[str, ...] = ()
    init: ast.arguments | None = None
    fits: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
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
_FIT = re.compile(r"^    def (fit|partial_fit)(\(.*?\)):$", re.MULTILINE | re.DOTALL)
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
        {method: _names(_arguments(signature))[2:] for method, signature in _FIT.findall(body)},
        frozenset(member for mark, member in members if mark),
        frozenset(member for _, member in members),
    )


def _arguments(signature: str) -> ast.arguments:
    return cast("ast.FunctionDef", ast.parse(f"def __init__{signature}: ...").body[0]).args


def _names(arguments: ast.arguments) -> tuple[str, ...]:
    every = (*arguments.args, *arguments.kwonlyargs, *((arguments.kwarg,) if arguments.kwarg else ()))
    return tuple(argument.arg for argument in every)


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
    roots = {row.name for row in ancestry}
    kind: Kind | None = next((kind for root, kind in _KINDS.items() if root in roots), None)
    if name == PIPELINE:
        kind = "pipeline"
    if kind is None or _is_abstract(ancestry) or _ESTIMATOR not in roots:
        return None
    fits = {method: row.fits[method] for row in reversed(ancestry) for method in row.fits}
    init = next((row.init for row in ancestry if row.init is not None), None)
    if init is None:
        return Estimator(name, module, kind, (), (), fits)
    arguments = (*init.args[1:], *init.kwonlyargs)
    first = len(init.args) - 1 - len(init.defaults)
    defaults = (*(None,) * first, *init.defaults, *init.kw_defaults)
    required = (argument.arg for argument, default in zip(arguments, defaults, strict=True) if default is None)
    return Estimator(name, module, kind, tuple(argument.arg for argument in arguments), tuple(required), fits)


def _is_abstract(ancestry: tuple[_Class, ...]) -> bool:
    """Say whether a method is still abstract where it is defined nearest to the class."""
    seen: set[str] = set()
    for row in ancestry:
        if row.abstract - seen:
            return True
        seen |= row.defined
    return False
