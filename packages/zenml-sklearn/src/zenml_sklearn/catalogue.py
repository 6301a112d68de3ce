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
from typing import Literal

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
    candidates = (name for module in _public_modules() for name in _offered(module))
    return tuple(sorted({name for name in candidates if find(name) is not None}))


@dataclass(frozen=True)
class _Source:
    """What a module's file defines at its top level."""

    classes: dict[str, ast.ClassDef]
    imports: dict[str, tuple[str, str]]


@cache
def _folder() -> Path:
    spec = importlib.util.find_spec(_ROOT)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("scikit-learn is not installed")
    return Path(spec.submodule_search_locations[0])


@cache
def _public_modules() -> tuple[str, ...]:
    return tuple(_walk(_folder(), _ROOT))


def _walk(folder: Path, package: str) -> Iterator[str]:
    """Yield public modules, packages before what they hold, as scikit-learn's own listing of estimators sees them."""
    for path in sorted(folder.iterdir()):
        name = path.stem
        if name.startswith("_") or name in _NOT_PUBLIC:
            continue
        if path.is_dir() and (path / "__init__.py").exists():
            yield f"{package}.{name}"
            yield from _walk(path, f"{package}.{name}")
        elif path.suffix == ".py":
            yield f"{package}.{name}"


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


@cache
def _source(module: str) -> _Source:
    classes: dict[str, ast.ClassDef] = {}
    imports: dict[str, tuple[str, str]] = {}
    path = _file(module)
    package = module if path is not None and path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.parse(_text(module)).body:
        if isinstance(node, ast.ClassDef):
            classes[node.name] = node
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level:
                base = package.rsplit(".", node.level - 1)[0] if node.level > 1 else package
                origin = f"{base}.{origin}" if origin else base
            for alias in node.names:
                imports[alias.asname or alias.name] = (origin, alias.name)
    return _Source(classes, imports)


def _resolve(module: str, name: str) -> tuple[str, ast.ClassDef] | None:
    """Follow imports from `module` to where the class `name` is defined, within scikit-learn."""
    while module.split(".")[0] == _ROOT:
        source = _source(module)
        if name in source.classes:
            return module, source.classes[name]
        if name not in source.imports:
            return None
        module, name = source.imports[name]
    return None


@cache
def _ancestry(module: str, name: str) -> tuple[ast.ClassDef, ...]:
    """Return the class and its bases within scikit-learn, nearest first; the roots stand for themselves."""
    if name == _ESTIMATOR or name in _KINDS:
        return (ast.ClassDef(name=name, bases=[], keywords=[], body=[], decorator_list=[]),)
    found = _resolve(module, name)
    if found is None:
        return ()
    home, node = found
    bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
    return (node, *(ancestor for base in bases for ancestor in _ancestry(home, base)))


@cache
def _describe(module: str, name: str) -> Estimator | None:
    if name.startswith("_") or name in _KINDS:
        return None
    ancestry = _ancestry(module, name)
    kind = next((_KINDS[node.name] for node in ancestry if node.name in _KINDS), None)
    if kind is None or _is_abstract(ancestry) or all(node.name != _ESTIMATOR for node in ancestry):
        return None
    inits = (item for node in ancestry for item in node.body if isinstance(item, ast.FunctionDef))
    init = next((item.args for item in inits if item.name == "__init__"), None)
    if init is None:
        return Estimator(name, module, kind, (), ())
    arguments = (*init.args[1:], *init.kwonlyargs)
    first = len(init.args) - 1 - len(init.defaults)
    defaults = (*(None,) * first, *init.defaults, *init.kw_defaults)
    required = (argument.arg for argument, default in zip(arguments, defaults, strict=True) if default is None)
    return Estimator(name, module, kind, tuple(argument.arg for argument in arguments), tuple(required))


def _is_abstract(ancestry: tuple[ast.ClassDef, ...]) -> bool:
    """Say whether a method is still marked abstract where it is defined nearest to the class."""
    seen: set[str] = set()
    for node in ancestry:
        for item in node.body:
            if isinstance(item, ast.Assign):
                seen |= {target.id for target in item.targets if isinstance(target, ast.Name)}
            elif isinstance(item, ast.FunctionDef) and item.name not in seen:
                seen.add(item.name)
                if any(isinstance(mark, ast.Name) and mark.id == "abstractmethod" for mark in item.decorator_list):
                    return True
    return False
