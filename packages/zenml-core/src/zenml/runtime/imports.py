"""Imports: what a module's source imports, and whether it can do without."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_ABSENT = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}


@dataclass(frozen=True)
class Import:
    """One dotted name that a module imports; a module, or something in one.

    Args:
        module: the module that imports it.
        name: the dotted name.
        optional: whether only a type checker imports it, or the code goes on without it.
    """

    module: str
    name: str
    optional: bool


def imports_of(module: str, source: bytes, *, is_package: bool) -> Iterator[Import]:
    """Give every import in a module's source, also those inside functions; none where the source cannot be read."""
    package = module if is_package else module.rpartition(".")[0]
    try:
        tree: ast.AST = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    waiting: list[tuple[ast.AST, bool]] = [(tree, False)]
    while waiting:
        node, optional = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (Import(module, alias.name, optional) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] if node.level > 1 else package
            origin = node.module or ""
            if node.level:
                origin = f"{base}.{origin}".strip(".")
            yield Import(module, origin, optional)
            yield from (Import(module, f"{origin}.{alias.name}", optional) for alias in node.names)
        else:
            spared = _may_be_absent(node)
            waiting += [(child, optional or child in spared) for child in ast.iter_child_nodes(node)]


def outside_imports(modules: Iterable[str], roots: Sequence[Path]) -> Iterator[Import]:
    """Give the imports of modules under `roots` that lead to none there."""
    for module in modules:
        path = dict(find_module(module, roots)).get(module)
        if path is None:
            continue
        for found in imports_of(module, path.read_bytes(), is_package=path.name == "__init__.py"):
            if found.name and not find_module(found.name, roots):
                yield found


def find_module(name: str, roots: Iterable[Path]) -> list[tuple[str, Path]]:
    """Return the files that importing `name` runs under the first root that has it: the packages' and the module's."""
    parts = name.split(".")
    for root in roots:
        found = []
        for length in range(1, len(parts) + 1):
            base = root.joinpath(*parts[:length])
            path = next((file for file in (base / "__init__.py", base.with_suffix(".py")) if file.is_file()), None)
            if path:
                found.append((".".join(parts[:length]), path))
            elif not base.is_dir():
                break
        if found:
            return found
    return []


def _may_be_absent(node: ast.AST) -> Sequence[ast.AST]:
    """Return the children of a node whose imports may fail, or are never run."""
    if isinstance(node, ast.If) and _names(node.test) == {"TYPE_CHECKING"}:
        return node.body
    if isinstance(node, ast.Try | ast.TryStar):
        caught = [handler for handler in node.handlers if handler.type is None or _ABSENT & _names(handler.type)]
        return [*node.body, *caught] if caught else ()
    if isinstance(node, ast.With):
        calls = [item.context_expr for item in node.items if isinstance(item.context_expr, ast.Call)]
        if any("suppress" in _names(call.func) and _ABSENT & set().union(*map(_names, call.args)) for call in calls):
            return node.body
    return ()


def _names(expression: ast.expr) -> set[str]:
    """Return the last parts of the names in an expression that is a name, or a tuple of names."""
    if isinstance(expression, ast.Tuple):
        return set().union(*map(_names, expression.elts))
    if isinstance(expression, ast.Attribute):
        return {expression.attr}
    return {expression.id} if isinstance(expression, ast.Name) else set()
